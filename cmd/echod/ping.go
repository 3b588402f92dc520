package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"echod/logging"
	"echod/server"
	"echod/server/probe"

	"github.com/spf13/cobra"
)

func (p *program) pingCommand() *cobra.Command {
	var pinger probe.Pinger
	var interval, timeout seconds
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "ping ADDRESS",
		Short: "send messages to an echo server and time what comes back",
		Long: "Send messages to an echo server, as ping(8) does, and compare what comes back byte for\n" +
			"byte. ADDRESS is tcp://HOST:PORT, udp://HOST:PORT, unix:///PATH or HOST:PORT (tcp).\n" +
			"Exit status: 0 all messages came back, 1 not all of them, 69 nobody listens there.",
		Args:              oneAddress,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			pinger.Interval, pinger.Timeout = time.Duration(interval), time.Duration(timeout)
			return p.ping(cmd, args[0], pinger, asJSON)
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	interval, timeout = seconds(probe.DefaultPingInterval), seconds(probe.DefaultPingTimeout)
	flags.IntVarP(&pinger.Count, "count", "c", 0, "stop after `N` messages; 0 is when interrupted")
	flags.VarP(&interval, "interval", "i", "send a message every `DURATION`; a plain number is seconds")
	flags.IntVarP(&pinger.Size, "size", "s", probe.DefaultPingSize, "send `N` bytes in a message")
	flags.VarP(&timeout, "timeout", "W", "give a message `DURATION` to come back; a plain number is seconds")
	flags.BoolVar(&asJSON, "json", false, "print JSON: an object a line for each answer, one for the summary")
	return cmd
}

func (p *program) ping(cmd *cobra.Command, target string, pinger probe.Pinger, asJSON bool) error {
	var err error
	if pinger.Network, pinger.Address, err = parseTarget(target); err != nil {
		return usageError(cmd, err)
	}
	if pinger.Interval <= 0 || pinger.Timeout <= 0 {
		return usageError(cmd, fmt.Errorf("ping: interval and timeout must be more than 0"))
	}
	if pinger.Size, err = messageSize(pinger.Size); err == nil {
		err = pinger.Check()
	}
	if err != nil {
		return usageError(cmd, fmt.Errorf("ping: %w", err))
	}
	ctx, stop := untilInterrupted(cmd.Context())
	defer stop()
	printer := pingPrinter{p: p, target: logging.Printable(target), pinger: pinger}
	if asJSON {
		printer.json = json.NewEncoder(p.stdout)
	}
	summary, err := pinger.Run(ctx, printer.reply)
	if summary.Sent > 0 {
		printer.end(summary)
	}
	if err != nil {
		return p.probeError("ping", target, err)
	}
	if summary.Received == 0 || summary.Lost() > 0 || summary.Corrupt > 0 {
		return said(exitFailure)
	}
	return nil
}

// untilInterrupted is ctx until a signal says to stop. A second signal ends
// the program the ordinary way.
func untilInterrupted(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	return ctx, stop
}

// probeError is why a verb could not speak to target at all.
func (p *program) probeError(verb, target string, err error) error {
	status := exitFailure
	if probe.IsUnreachable(err) {
		status = exitUnavailable
	}
	return withPermStatus(status, fmt.Errorf("%s %s: %w", verb, target, innermost(err)))
}

// oneAddress refuses anything but exactly one argument.
func oneAddress(cmd *cobra.Command, args []string) error {
	if len(args) == 1 {
		return nil
	}
	return usageError(cmd, fmt.Errorf("%s: want one ADDRESS, got %d arguments", cmd.Name(), len(args)))
}

// parseTarget splits the address of a server to speak to into a network and
// an address as net.Dial has them. A host that is left out is this machine.
func parseTarget(text string) (network, address string, err error) {
	a, err := server.ParseAddress(text)
	switch {
	case err != nil:
		return "", "", fmt.Errorf("parse address %q: %w", text, err)
	case a.Network() == "unix":
		return a.Network(), a.Path(), nil
	case a.Port() == 0:
		return "", "", fmt.Errorf("parse address %q: port 0 is nobody's", text)
	}
	return a.Network(), net.JoinHostPort(cmp.Or(a.Host(), "localhost"), strconv.Itoa(a.Port())), nil
}

// messageSize is what package probe calls a size that a user gave.
func messageSize(size int) (int, error) {
	switch {
	case size < 0:
		return 0, fmt.Errorf("size %d: cannot be negative", size)
	case size == 0:
		return -1, nil
	}
	return size, nil
}

// seconds is a duration as ping(8) takes it, a number of seconds, or as Go
// writes it: 0.2, 200ms.
type seconds time.Duration

func (s *seconds) String() string { return time.Duration(*s).String() }
func (s *seconds) Type() string   { return "duration" }

func (s *seconds) Set(text string) error {
	if n, err := strconv.ParseFloat(text, 64); err == nil {
		if !(n >= 0 && n < time.Duration(1<<63-1).Seconds()) {
			return fmt.Errorf("want a number of seconds, 0 or more")
		}
		*s = seconds(n * float64(time.Second))
		return nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		return fmt.Errorf("want a duration of 0 or more, such as 0.2 or 200ms")
	}
	*s = seconds(d)
	return nil
}
