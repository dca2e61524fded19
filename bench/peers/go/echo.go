package main

import (
	"crypto/tls"
	"fmt"
	"net"
	"sync/atomic"
)

var workDone atomic.Uint64 // its results, so that it is done

const bufferSize = 20 * 1024

func listen(wanted settings) (net.Listener, error) {
	if wanted.path != "" {
		return net.Listen("unix", wanted.path)
	}
	return net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", wanted.port))
}

func acceptAll(listener net.Listener, serve func(net.Conn)) error {
	for {
		connection, err := listener.Accept()
		if err != nil {
			return err
		}
		go serve(connection)
	}
}

func serveEcho(wanted settings) error {
	listener, err := listen(wanted)
	if err != nil {
		return err
	}
	return acceptAll(listener, func(connection net.Conn) { echo(connection, wanted.work) })
}

func serveTLS(wanted settings) error {
	certificate, err := tls.LoadX509KeyPair(wanted.certificate, wanted.key)
	if err != nil {
		return err
	}
	listener, err := listen(wanted)
	if err != nil {
		return err
	}
	config := &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS13}
	return acceptAll(tls.NewListener(listener, config), func(connection net.Conn) { echo(connection, 0) })
}

func echo(connection net.Conn, work int) {
	defer connection.Close()
	buffer := make([]byte, bufferSize)
	result := uint64(0)
	defer func() { workDone.Add(result) }()
	for {
		size, err := connection.Read(buffer)
		if err != nil {
			return
		}
		result += spin(work)
		if _, err := connection.Write(buffer[:size]); err != nil {
			return
		}
	}
}

// The same multiplications as in libasync_workers.
func spin(rounds int) uint64 {
	value := uint64(1)
	for i := 0; i < rounds; i++ {
		value = value*6364136223846793005 + 1442695040888963407
	}
	return value
}
