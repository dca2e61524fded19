// Echo server on Node's net module: `node echo.js --port N`
'use strict';
const net = require('net');

const port = Number(process.argv[process.argv.indexOf('--port') + 1]);
const server = net.createServer({ noDelay: true }, (socket) => {
    socket.on('error', () => socket.destroy());
    socket.on('data', (bytes) => {
        if (!socket.write(bytes)) {
            socket.pause();
            socket.once('drain', () => socket.resume());
        }
    });
});
server.listen({ port, host: '127.0.0.1', backlog: 4096 });
