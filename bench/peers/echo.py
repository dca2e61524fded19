"""Echo server on asyncio or uvloop, with streams or with a protocol."""
import argparse
import asyncio


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


async def serve(port, style):
    if style == "streams":
        server = await asyncio.start_server(echo_stream, "127.0.0.1", port, backlog=4096)
    else:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(EchoProtocol, "127.0.0.1", port, backlog=4096)
    async with server:
        await server.serve_forever()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--loop", choices=["asyncio", "uvloop"], default="asyncio")
    parser.add_argument("--style", choices=["streams", "protocol"], default="streams")
    options = parser.parse_args()
    if options.loop == "uvloop":
        import uvloop
        uvloop.install()
    asyncio.run(serve(options.port, options.style))


if __name__ == "__main__":
    main()
