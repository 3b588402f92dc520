package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"echod/server/control"

	"github.com/spf13/cobra"
)

func (p *program) topCommand() *cobra.Command {
	var c caller
	t := &top{program: p}
	cmd := &cobra.Command{
		Use:   "top",
		Short: "watch rates and the busiest clients",
		Long: "Watch rates and the busiest clients, those that most bytes go to and come from. On a terminal this\n" +
			"is a screen that q ends; elsewhere it is a line each time.",
		Args: noArguments,
	}
	c.addFlags(cmd, defaultsFor(p.name))
	cmd.Flags().DurationVar(&t.interval, "interval", time.Second, "look again after `DURATION`")
	cmd.Flags().IntVar(&t.count, "count", 0, "end after `N` looks; 0 is never")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if t.interval < minInterval || t.count < 0 {
			return usageError(cmd, fmt.Errorf("top: want an --interval of %v or more and a --count of 0 or more", minInterval))
		}
		if err := c.connect("top"); err != nil {
			return err
		}
		t.client = c.client
		return c.explain("top", t.run(cmd.Context()))
	}
	return cmd
}

// minInterval keeps a look from being a load: with many clients, each costs the server some time.
const minInterval = 100 * time.Millisecond

// A top looks at a server again and again.
type top struct {
	*program
	client   *control.Client
	interval time.Duration
	count    int // looks to take; 0 is without end
	last     *look
}

func (t *top) run(ctx context.Context) error {
	if screen := openScreen(t.stdout); screen != nil {
		defer screen.close()
		return t.watch(ctx, screen)
	}
	return t.watch(ctx, newLines(t.stdout))
}

// A display shows looks, one after the other.
type display interface {
	show(l *look)
	keys() <-chan byte // nil without a keyboard
	suspend()          // gives the terminal back for as long as this process is stopped
}

func (t *top) watch(ctx context.Context, d display) error {
	endC, resizedC, suspendC := make(chan os.Signal, 1), make(chan os.Signal, 1), make(chan os.Signal, 1)
	signal.Notify(endC, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT)
	signal.Notify(resizedC, syscall.SIGWINCH)
	signal.Notify(suspendC, syscall.SIGTSTP)
	defer signal.Stop(endC)
	ticker := time.NewTicker(t.interval)
	defer ticker.Stop()
	for n := 1; ; n++ {
		if err := t.look(ctx); err != nil {
			return err
		}
		d.show(t.last)
		if n == t.count {
			return nil
		}
		for waiting := true; waiting; {
			select {
			case <-ticker.C:
				waiting = false
			case key := <-d.keys():
				if key == 'q' || key == 'Q' {
					return nil
				}
			case <-resizedC:
				d.show(t.last)
			case <-suspendC:
				d.suspend()
				d.show(t.last)
			case <-endC:
				return nil
			}
		}
	}
}

// look asks the server, and compares with the last time.
func (t *top) look(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	status, err := t.client.Status(ctx)
	if err != nil {
		return err
	}
	l := newLook(status, t.last)
	for c, err := range t.client.Connections(ctx) {
		if err != nil {
			return err
		}
		l.add(c)
	}
	l.rank()
	t.last = l
	return nil
}
