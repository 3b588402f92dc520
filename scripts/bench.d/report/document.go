package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
)

// preface says what the figures mean. It is the same for every run.
const preface = `# Benchmarks

Written by ` + "`scripts/bench`" + `; to have the figures of your machine, run it there. What it ran is in
` + "`scripts/bench.d/`" + `: *epoll* is a C server, one thread, one epoll loop, one buffer of 64 KB; *gonet* a Go
server with a goroutine and a buffer of 16 KB for every client; *gonet-copy* the same with
` + "`io.Copy`" + `; *gnet* the event loop library's own echo with its default options, *gnet-multicore* with a loop for each processor; *xinetd* Debian's with its
internal echo, *xinetd-cat* starting ` + "`/bin/cat`" + ` for every client; *socat* Debian's, forking and
starting ` + "`/bin/cat`" + `. echod runs with its standard settings and writes its log of activity to a file;
the others, but for xinetd, log nothing. *echod-nolog* is echod with its log turned off.

All run on one machine, over loopback, one at a time, a new process for each run. Rounds
alternate between the servers, each second one in the opposite order. The load is
` + "`echod bench`" + `, which compares every byte; it is one thread, so that on a machine of two processors
server and load have one each. *ratio* is echod's figure divided by the other's, for two runs of the same
round: absolute figures move with the machine and the hour, ratios much less. Figures are
medians, with the smallest and largest of the rounds in parentheses. *CPU* is what /proc/PID/stat says
of the server, user and system, over the messages it served, and of the children it has waited for; on a
busy machine the kernel does a part of the work in threads of its own, and these figures are too small.
Memory is the resident set of the process that was started; of echod's at start, all but 1.5 MB are pages of the
program's file. echod is built as ` + "`scripts/install`" + ` builds it, without cgo: with it, the C library and the
modules of its name service switch are another 2 MB.

`

// remarks say why goals are missed that were missed wherever this was run so far. They are printed
// with the goals.
const remarks = `## Why some goals are missed

*gnet* with one loop, and on some machines *gonet* with many clients, come so close to the C server that nothing
which makes a system call for each message received and sent could be a third faster: the column *epoll itself* has
what that server reaches. With a loop for each processor, as its documentation advises, gnet is slower on
two of them, for the load needs one.
`

func writeDocument(path string, facts []fact, results []result, verdicts []verdict, chart bool) error {
	var b strings.Builder
	b.WriteString(preface)
	b.WriteString("| | |\n|---|---|\n")
	for _, f := range facts {
		fmt.Fprintf(&b, "| %s | %s |\n", f.Key, f.Value)
	}
	b.WriteString("\n")
	if chart {
		b.WriteString("![echod's throughput divided by that of the other servers](benchmarks.svg)\n\n")
	}
	b.WriteString("## Results\n\n")
	if err := writeTables(&b, results, verdicts, markdown); err != nil {
		return err
	}
	if slices.ContainsFunc(verdicts, func(v verdict) bool { return !v.Met }) {
		b.WriteString(remarks)
	}
	return os.WriteFile(path, []byte(strings.TrimRight(b.String(), "\n")+"\n"), 0o644)
}
