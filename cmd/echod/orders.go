package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"echod/server/control"
)

// An order is what a signal or a call of the control socket asks of the service. One goroutine
// carries them out, so they never meet.
type order struct {
	verb  string        // reopen, reload, drain, stop
	by    []any         // for the log: who gave it
	doneC chan<- result // holds one; nil if nobody waits
}

// A result is what became of an order.
type result struct {
	message string // for people
	err     error
}

func (o order) answer(message string, err error) {
	if o.doneC != nil {
		o.doneC <- result{message, err}
	}
}

func bySignal(verb string, s os.Signal) order {
	return order{verb: verb, by: []any{"signal", s.String()}}
}

var errEnding = errors.New("the server is ending")

// ask gives an order to the service and waits for the result.
func (v *service) ask(ctx context.Context, verb string) (string, error) {
	doneC := make(chan result, 1)
	select {
	case v.orderC <- order{verb, []any{"control", "/v1/" + verb}, doneC}:
	case <-v.endedC:
		return "", errEnding
	case <-ctx.Done():
		return "", ctx.Err()
	}
	select {
	case r := <-doneC:
		return r.message, r.err
	case <-ctx.Done():
		return "", ctx.Err()
	case <-v.endedC:
	}
	select {
	case r := <-doneC: // the order itself may have ended the service
		return r.message, r.err
	default:
		return "", errEnding
	}
}

// obey carries out an order, or sets about it, and reports whether the service is to end now.
func (v *service) obey(o order) bool {
	switch o.verb {
	case "reopen", "reload":
		v.upkeep.add(o)
	case "drain":
		v.obeyDrain(o)
	case "stop":
		v.state.Store(control.Stopping)
		v.log.Info("stopping", o.by...)
		v.manager.stopping()
		o.answer("stopping", nil)
		return true
	}
	return false
}

func (v *service) obeyDrain(o order) {
	if v.drain != nil {
		o.answer("draining already", nil)
		return
	}
	timeout := v.settings.drainTimeout
	v.log.Info("draining", append(o.by, "timeout", timeout)...)
	v.manager.stopping()
	v.beginDrain(timeout)
	o.answer(fmt.Sprintf("draining: %d clients are left, which have %v", v.server.Stats().Active, timeout), nil)
}

// A drain is the time between the last client accepted and the last client gone.
type drain struct {
	ctx    context.Context
	cancel context.CancelFunc
	step   *time.Ticker
	doneC  chan error
}

// beginDrain accepts no more clients and gives those that are there until the timeout to leave.
func (v *service) beginDrain(timeout time.Duration) {
	if v.drain != nil {
		return
	}
	v.state.Store(control.Draining)
	d := &drain{step: time.NewTicker(drainStep), doneC: make(chan error, 1)}
	d.ctx, d.cancel = context.WithTimeout(context.Background(), timeout)
	go func() { d.doneC <- v.server.Shutdown(d.ctx) }()
	v.drain = d
	v.manager.draining(timeout)
}

// left returns the time that the clients have.
func (d *drain) left(now time.Time) time.Duration {
	deadline, _ := d.ctx.Deadline()
	return deadline.Sub(now)
}

// These are for a select: without a drain, they never tell anything.

func (d *drain) done() <-chan error {
	if d == nil {
		return nil
	}
	return d.doneC
}

func (d *drain) stepC() <-chan time.Time {
	if d == nil {
		return nil
	}
	return d.step.C
}

func (d *drain) end() {
	if d != nil {
		d.cancel()
		d.step.Stop()
	}
}
