package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
)

const block = 64 * 1024

func serveSink(wanted settings) error {
	listener, err := listen(wanted)
	if err != nil {
		return err
	}
	return acceptAll(listener, func(connection net.Conn) {
		defer connection.Close()
		buffer := make([]byte, block)
		for {
			if _, err := connection.Read(buffer); err != nil {
				return
			}
		}
	})
}

func serveSource(wanted settings) error {
	listener, err := listen(wanted)
	if err != nil {
		return err
	}
	bytes := []byte(strings.Repeat("x", block))
	return acceptAll(listener, func(connection net.Conn) {
		defer connection.Close()
		for {
			if _, err := connection.Write(bytes); err != nil {
				return
			}
		}
	})
}

func listenDatagrams(wanted settings) (*net.UDPConn, error) {
	return net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: wanted.port})
}

func serveDatagrams(wanted settings) error {
	socket, err := listenDatagrams(wanted)
	if err != nil {
		return err
	}
	buffer := make([]byte, 2048)
	for {
		size, from, err := socket.ReadFromUDPAddrPort(buffer)
		if err == nil {
			socket.WriteToUDPAddrPort(buffer[:size], from)
		}
	}
}

func dropDatagrams(wanted settings) error {
	socket, err := listenDatagrams(wanted)
	if err != nil {
		return err
	}
	buffer := make([]byte, 2048)
	for {
		socket.ReadFromUDPAddrPort(buffer)
	}
}

// io.Copy to a TCP connection uses sendfile.
func serveFiles(wanted settings) error {
	listener, err := listen(wanted)
	if err != nil {
		return err
	}
	return acceptAll(listener, func(connection net.Conn) {
		defer connection.Close()
		request := bufio.NewReader(connection)
		first, err := request.ReadString('\n')
		for line := first; err == nil && line != "\r\n"; {
			line, err = request.ReadString('\n')
		}
		words := strings.Fields(first)
		if err != nil || len(words) < 2 {
			return
		}
		file, err := os.Open(filepath.Join(wanted.root, filepath.Clean("/"+words[1])))
		if err != nil {
			return
		}
		defer file.Close()
		about, err := file.Stat()
		if err != nil {
			return
		}
		fmt.Fprintf(connection, "HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n", about.Size())
		io.Copy(connection, file)
	})
}
