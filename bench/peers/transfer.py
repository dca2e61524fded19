"""Bulk transfer, datagrams and files on asyncio or uvloop, by protocols."""
import argparse
import asyncio
from pathlib import Path

BLOCK = b"x" * 65536


class Sink(asyncio.Protocol):
    def data_received(self, data):
        pass


class Source(asyncio.Protocol):
    """Writes until it is told to pause."""

    def connection_made(self, transport):
        self.transport = transport
        self.paused = False
        self.write()

    def write(self):
        while not self.paused and not self.transport.is_closing():
            self.transport.write(BLOCK)

    def pause_writing(self):
        self.paused = True

    def resume_writing(self):
        self.paused = False
        self.write()


class DatagramEcho(asyncio.DatagramProtocol):
    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, peer):
        self.transport.sendto(data, peer)


class DatagramSink(asyncio.DatagramProtocol):
    def datagram_received(self, data, peer):
        pass


def send_file_from(root):
    async def answer(reader, writer):
        try:
            request = await reader.readuntil(b"\r\n\r\n")
            path = Path(root) / Path(request.split()[1].decode()).name
            writer.write(b"HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n" % path.stat().st_size)
            await writer.drain()
            with path.open("rb") as file:
                await asyncio.get_running_loop().sendfile(writer.transport, file)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
    return answer


async def serve(mode, port, root):
    loop = asyncio.get_running_loop()
    if mode in ("udp", "udp-sink"):
        protocol = DatagramEcho if mode == "udp" else DatagramSink
        await loop.create_datagram_endpoint(protocol, ("127.0.0.1", port))
    elif mode == "file":
        await asyncio.start_server(send_file_from(root), "127.0.0.1", port, backlog=4096)
    else:
        await loop.create_server(Sink if mode == "sink" else Source, "127.0.0.1", port, backlog=4096)
    await loop.create_future()  # for ever


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--mode", choices=["sink", "source", "udp", "udp-sink", "file"], required=True)
    parser.add_argument("--loop", choices=["asyncio", "uvloop"], default="asyncio")
    parser.add_argument("--root", default=".")
    options = parser.parse_args()
    if options.loop == "uvloop":
        import uvloop
        uvloop.install()
    asyncio.run(serve(options.mode, options.port, options.root))


if __name__ == "__main__":
    main()
