"""Echo server on asyncio or uvloop, with streams or with a protocol; over TCP, TLS or a unix socket."""
import argparse
import asyncio
import ssl


class EchoProtocol(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.transport.write(data)

    def pause_writing(self):
        self.transport.pause_reading()

    def resume_writing(self):
        self.transport.resume_reading()


async def echo_stream(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


def tls_context(certificate, key):
    if not certificate:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


async def serve(port, path, style, context):
    loop = asyncio.get_running_loop()
    if path and style == "streams":
        server = await asyncio.start_unix_server(echo_stream, path, backlog=4096)
    elif path:
        server = await loop.create_unix_server(EchoProtocol, path, backlog=4096)
    elif style == "streams":
        server = await asyncio.start_server(echo_stream, "127.0.0.1", port, backlog=4096, ssl=context)
    else:
        server = await loop.create_server(EchoProtocol, "127.0.0.1", port, backlog=4096, ssl=context)
    async with server:
        await server.serve_forever()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int)
    parser.add_argument("--path", help="of a unix socket, instead of the port")
    parser.add_argument("--certificate", help="PEM file: an echo over TLS")
    parser.add_argument("--key", help="PEM file")
    parser.add_argument("--loop", choices=["asyncio", "uvloop"], default="asyncio")
    parser.add_argument("--style", choices=["streams", "protocol"], default="streams")
    options = parser.parse_args()
    if options.loop == "uvloop":
        import uvloop
        uvloop.install()
    asyncio.run(serve(options.port, options.path, options.style, tls_context(options.certificate, options.key)))


if __name__ == "__main__":
    main()
