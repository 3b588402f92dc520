package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"echod/logging"
	"echod/server/probe"

	"github.com/spf13/cobra"
)

func (p *program) benchCommand() *cobra.Command {
	var load probe.Load
	var mode string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "bench ADDRESS",
		Short: "put an echo server under load and measure it",
		Long: "Put an echo server under load, compare every byte that comes back, and report throughput\n" +
			"and latencies. ADDRESS is tcp://HOST:PORT, udp://HOST:PORT, unix:///PATH or HOST:PORT (tcp).\n\n" +
			"The modes are pingpong: send a message, wait for it, send the next; stream: send and read\n" +
			"all the time; connect: connect, one message, close, again; idle: connect, be silent for\n" +
			"DURATION, and see that all connections still live.\n\n" +
			"With a rate, messages are sent when they are due whatever became of the last ones, and\n" +
			"latency counts from when a message was due, sent in time or not.\n\n" +
			"Exit status: 0 everything came back, 1 something failed, 69 nobody listens there.",
		Args:              oneAddress,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			load.Mode = probe.Mode(mode)
			return p.bench(cmd, args[0], load, asJSON)
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&mode, "mode", string(probe.PingPong), "do `MODE`: pingpong, stream, connect or idle")
	flags.IntVar(&load.Connections, "connections", 1, "open `N` connections")
	flags.IntVar(&load.Size, "size", probe.DefaultLoadSize, "send `N` bytes in a message")
	flags.DurationVar(&load.Duration, "duration", probe.DefaultLoadDuration, "measure for `DURATION`")
	flags.DurationVar(&load.WarmUp, "warm-up", 0, "before that, do the same for `DURATION` without measuring")
	flags.Float64Var(&load.Rate, "rate", 0, "send `N` messages a second over all connections; 0 is as fast as they come back")
	flags.DurationVar(&load.Timeout, "timeout", probe.DefaultLoadTimeout, "give up what takes longer than `DURATION`")
	flags.IntVar(&load.Workers, "workers", 0, "make the load with `N` threads (Linux); 0 is one for every two processors")
	flags.BoolVar(&asJSON, "json", false, "print the report as JSON")
	cmd.RegisterFlagCompletionFunc("mode", completeMode)
	return cmd
}

func completeMode(*cobra.Command, []string, string) (modes []string, _ cobra.ShellCompDirective) {
	for _, m := range probe.Modes() {
		modes = append(modes, string(m))
	}
	return modes, cobra.ShellCompDirectiveNoFileComp
}

func (p *program) bench(cmd *cobra.Command, target string, load probe.Load, asJSON bool) error {
	var err error
	if load.Network, load.Address, err = parseTarget(target); err != nil {
		return usageError(cmd, err)
	}
	if load.Connections < 1 || load.Duration <= 0 || load.Timeout <= 0 {
		return usageError(cmd, fmt.Errorf("bench: connections, duration and timeout must be more than 0"))
	}
	if load.Size, err = messageSize(load.Size); err == nil {
		err = load.Check()
	}
	if err != nil {
		return usageError(cmd, fmt.Errorf("bench: %w", err))
	}
	ctx, stop := untilInterrupted(cmd.Context())
	defer stop()
	line := progressLine{w: p.stderr}
	if isTerminal(p.stderr) {
		load.Progress = line.show
	}
	report, err := load.Run(ctx)
	line.clear()
	if err != nil {
		return p.probeError("bench", target, err)
	}
	if asJSON {
		json.NewEncoder(p.stdout).Encode(newBenchJSON(target, load, report))
	} else {
		printBench(p.stdout, logging.Printable(target), load, report)
	}
	if report.Failed() > 0 || report.Latency.Count == 0 {
		return said(exitFailure)
	}
	return nil
}

// isTerminal tells whether w is a terminal, or the null device, where it does
// not matter.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// progressLine is a line of a terminal that is written over and over.
type progressLine struct {
	w    io.Writer
	last probe.Progress
	used bool
}

const toLineStart, eraseLine = "\r", "\x1b[K"

func (l *progressLine) show(now probe.Progress) {
	rate := float64(now.Messages-l.last.Messages) / (now.Elapsed - l.last.Elapsed).Seconds()
	fmt.Fprintf(l.w, "%s%v, %v to go: %d connections, %s messages/s, %d failures%s", toLineStart,
		now.Elapsed.Round(time.Second), now.Remaining.Round(time.Second), now.Connections, grouped(rate), now.Failures, eraseLine)
	l.last, l.used = now, true
}

func (l *progressLine) clear() {
	if l.used {
		fmt.Fprint(l.w, toLineStart, eraseLine)
	}
}
