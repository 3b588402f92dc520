package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"slices"
	"syscall"
	"time"

	"echod/server/control"

	"github.com/spf13/cobra"
)

// callTime is how long the server may take to answer. Reopening the log alone may take 5 s.
const callTime = 10 * time.Second

// A caller is how a verb calls the server at its control socket.
type caller struct {
	lookup
	found  *instance
	client *control.Client
}

// connect finds the server and its control socket.
func (c *caller) connect(verb string) error {
	if err := c.resolve(); err != nil {
		return withStatus(exitUsage, err)
	}
	var err error
	if slices.ContainsFunc(c.places, func(p place) bool { return p.socket != "" }) {
		c.found, err = c.findOne()
	}
	switch {
	case isNotRunning(err):
		return withStatus(exitUnavailable, fmt.Errorf("%s: %w", verb, err))
	case err != nil:
		return withStatus(lookupStatus(err), fmt.Errorf("%s: %w", verb, err))
	case c.found == nil || c.found.socket == "":
		return withStatus(exitUsage, cmp.Or(c.places[0].socketErr, fmt.Errorf("%s: no control socket to find the server by", verb)))
	}
	c.client = c.found.client()
	return nil
}

// callingVerb makes a verb that needs the control socket. It runs with a context that bounds a
// call.
func callingVerb(cmd *cobra.Command, d defaults, call func(ctx context.Context, client *control.Client, args []string) error) *cobra.Command {
	c := new(caller)
	c.addFlags(cmd, d)
	cmd.RunE = func(cmd *cobra.Command, args []string) error { return c.run(cmd, args, call) }
	return cmd
}

func (c *caller) run(cmd *cobra.Command, args []string, call func(context.Context, *control.Client, []string) error) error {
	if err := c.connect(cmd.Name()); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), callTime)
	defer cancel()
	return c.explain(cmd.Name(), call(ctx, c.client, args))
}

// explain adds the verb, the exit status, and what the pid file knows of a server that does not
// answer.
func (c *caller) explain(verb string, err error) error {
	if err == nil {
		return nil
	}
	var problem *control.Problem
	switch {
	case errors.As(err, &problem):
		return withStatus(problemStatus(problem), fmt.Errorf("%s: %w", verb, err))
	case errors.Is(err, fs.ErrPermission):
		return withStatus(exitNoPerm, fmt.Errorf("%s: %w", verb, err))
	case nobodyThere(err):
		return withStatus(exitUnavailable, fmt.Errorf("%s: %w%s", verb, err, c.whetherItRuns()))
	}
	return withStatus(exitUnavailable, fmt.Errorf("%s: %w", verb, err))
}

func problemStatus(p *control.Problem) int {
	switch p.Status {
	case http.StatusBadRequest:
		return exitUsage
	case http.StatusForbidden:
		return exitNoPerm
	}
	return exitFailure
}

// whetherItRuns is for a server that nothing but a pid file leads to.
func (c *caller) whetherItRuns() string {
	switch {
	case c.found.bySocket:
		return ""
	case !c.found.ready:
		return fmt.Sprintf(" (pid %d is still starting)", c.found.pid)
	}
	return fmt.Sprintf(" (pid %d is running; was it started with another --control-socket?)", c.found.pid)
}

// nobodyThere reports whether err says that nobody listens at a socket.
func nobodyThere(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED)
}
