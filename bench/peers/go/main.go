// The Go peer: servers (`go_peer echo|tls|sink|source|udp|udp-sink|file --port N`, an echo also on a unix socket) and
// the micro benchmarks (`go_peer micro`).
package main

import (
	"flag"
	"fmt"
	"os"
	"runtime"
)

const usage = "usage: go_peer echo|tls|sink|source|udp|udp-sink|file --port N [options] | go_peer micro"

type settings struct {
	port             int
	path             string
	certificate, key string
	root             string
	work             int
}

func parse() settings {
	var wanted settings
	options := flag.NewFlagSet(os.Args[1], flag.ExitOnError)
	options.IntVar(&wanted.port, "port", 0, "port on the loopback address")
	options.StringVar(&wanted.path, "path", "", "unix socket, instead of the port")
	options.StringVar(&wanted.certificate, "certificate", "", "PEM file, for TLS")
	options.StringVar(&wanted.key, "key", "", "PEM file, for TLS")
	options.StringVar(&wanted.root, "root", ".", "directory of the files")
	options.IntVar(&wanted.work, "work", 0, "multiplications that a message of the echo costs more")
	procs := options.Int("procs", 1, "threads that run Go code")
	options.Parse(os.Args[2:])
	runtime.GOMAXPROCS(*procs)
	return wanted
}

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, usage)
		os.Exit(2)
	}
	wanted := parse()
	if os.Args[1] == "micro" {
		micro()
		return
	}
	serve, known := map[string]func(settings) error{
		"echo": serveEcho, "tls": serveTLS, "sink": serveSink, "source": serveSource,
		"udp": serveDatagrams, "udp-sink": dropDatagrams, "file": serveFiles,
	}[os.Args[1]]
	if !known {
		fmt.Fprintln(os.Stderr, usage)
		os.Exit(2)
	}
	if err := serve(wanted); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
