package main

import (
	"fmt"
	"runtime"
	"sync"
	"time"
)

func report(what string, operations int, start time.Time) {
	nanoseconds := float64(time.Since(start).Nanoseconds()) / float64(operations)
	fmt.Printf("{\"bench\":\"micro\",\"peer\":\"go\",\"what\":\"%s\",\"ns\":%.2f}\n", what, nanoseconds)
}

// A goroutine is started and joined through a channel.
func createTaskJoin() {
	const operations = 500000
	start := time.Now()
	for i := 0; i < operations; i++ {
		done := make(chan int, 1)
		go func() { done <- i }()
		<-done
	}
	report("create_task_join", operations, start)
}

// Two goroutines take turns: each Gosched runs the other one.
func yield() {
	const operations = 1000000
	finished := make(chan struct{})
	start := time.Now()
	go func() {
		for i := 0; i < operations; i++ {
			runtime.Gosched()
		}
		close(finished)
	}()
	for i := 0; i < operations; i++ {
		runtime.Gosched()
	}
	<-finished
	report("yield", 2*operations, start)
}

// 100,000 goroutines at once, ten times in a row; their results are collected in order.
func gather() {
	const children = 100000
	const rounds = 10
	start := time.Now()
	for round := 0; round < rounds; round++ {
		gatherOnce(children)
	}
	report("gather_100k", rounds*children, start)
}

func gatherOnce(children int) {
	results := make([]chan int, children)
	for i := range results {
		result := make(chan int, 1)
		results[i] = result
		go func(value int) { result <- value }(i)
	}
	sum := 0
	for _, result := range results {
		sum += <-result
	}
	if sum != children*(children-1)/2 {
		panic("gather lost a result")
	}
}

// A mutex that nobody else wants.
func lock() {
	const operations = 20000000
	var door sync.Mutex
	start := time.Now()
	for i := 0; i < operations; i++ {
		door.Lock()
		door.Unlock()
	}
	report("lock_release", operations, start)
}

// A channel of one that has room, or an item.
func queue() {
	const operations = 10000000
	items := make(chan int, 1)
	sum := 0
	start := time.Now()
	for i := 0; i < operations; i++ {
		items <- i % 2
		sum += <-items
	}
	report("queue_put_or_get", 2*operations, start)
	if sum != operations/2 {
		panic("queue lost an item")
	}
}

// Both goroutines wait in each round.
func channelPingPong() {
	const operations = 2000000
	there, back := make(chan int, 1), make(chan int, 1)
	go func() {
		for item := range there {
			back <- item
		}
	}()
	sum := 0
	start := time.Now()
	for i := 0; i < operations; i++ {
		there <- i % 2
		sum += <-back
	}
	report("channel_ping_pong", operations, start)
	close(there)
	if sum != operations/2 {
		panic("channel lost an item")
	}
}

// One of 1,000,000 timers, chosen at random, is set again.
func timerRearm() {
	const timers, operations = 1000000, 1000000
	all := make([]*time.Timer, timers)
	state := uint32(1)
	random := func() uint32 {
		state = state*1664525 + 1013904223
		return state >> 8
	}
	later := func() time.Duration { return time.Hour + time.Duration(random()%3600000)*time.Millisecond }
	for i := range all {
		all[i] = time.NewTimer(later())
	}
	start := time.Now()
	for i := 0; i < operations; i++ {
		all[random()%timers].Reset(later())
	}
	report("timer_rearm_1m", operations, start)
	for _, timer := range all {
		timer.Stop()
	}
}

func micro() {
	for pass := 0; pass < 3; pass++ {
		createTaskJoin()
		yield()
		gather()
		lock()
		queue()
		channelPingPong()
		timerRearm()
	}
}
