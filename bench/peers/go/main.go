// The Go peer: an echo server (`go_peer echo --port N`) and the micro benchmarks (`go_peer micro`).
package main

import (
	"flag"
	"fmt"
	"os"
	"runtime"
)

func main() {
	runtime.GOMAXPROCS(1)
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: go_peer echo --port N | go_peer micro")
		os.Exit(2)
	}
	options := flag.NewFlagSet(os.Args[1], flag.ExitOnError)
	port := options.Int("port", 0, "port on the loopback address")
	options.Parse(os.Args[2:])
	if os.Args[1] == "micro" {
		micro()
		return
	}
	if err := serve(*port); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
