package main

import "fmt"

// An upkeep reopens the log and reloads the configuration. It does so in a goroutine of its own,
// one at a time, because a file system may hang, and a signal to stop should not wait for that.
// What is asked for meanwhile is done once more afterwards, for all who asked.
type upkeep struct {
	service *service
	waiting []order
	current []order      // empty when nothing is under way
	doneC   chan renewal // of the one that is under way
}

// A renewal is what an upkeep has come to.
type renewal struct {
	result
	commit func() // puts the new configuration in place; may be nil
}

func newUpkeep(v *service) *upkeep {
	return &upkeep{service: v, doneC: make(chan renewal, 1)}
}

func (u *upkeep) add(o order) {
	u.waiting = append(u.waiting, o)
	u.begin()
}

func (u *upkeep) begin() {
	if len(u.current) > 0 || len(u.waiting) == 0 {
		return
	}
	u.current, u.waiting = u.waiting, nil
	work := u.service.reopen
	if u.reloads() {
		u.service.manager.reloading()
		work = u.service.reload
	}
	go func() { u.doneC <- work() }()
}

func (u *upkeep) reloads() bool {
	for _, o := range u.current {
		if o.verb == "reload" {
			return true
		}
	}
	return false
}

// finish puts in place what was built, answers, and goes on with what was asked for meanwhile.
func (u *upkeep) finish(o renewal) {
	if o.commit != nil {
		o.commit()
		u.service.log.Info("configuration reloaded")
	}
	if u.reloads() {
		u.service.manager.reloaded()
	}
	for _, asked := range u.current {
		asked.answer(o.message, o.err)
	}
	u.current = nil
	u.begin()
}

func (v *service) reopen() renewal {
	message, err := v.log.reopen()
	return renewal{result: result{message, err}}
}

// reload reopens the log, whatever becomes of the configuration: it may be logrotate(8) that asks.
// Then it builds the new configuration whole, beside the one that is in use, which stays if that
// fails.
func (v *service) reload() renewal {
	o := v.reopen()
	if v.configure == nil {
		v.log.Info("nothing else to reload", "reason", "no configuration file")
		if o.err == nil {
			o.message += "; there is no configuration file to read"
		}
		return o
	}
	commit, err := v.configure()
	if err == nil {
		o.message += "; configuration reloaded"
		o.commit = commit
		return o
	}
	v.log.Error("configuration not reloaded", "error", err)
	err = fmt.Errorf("the configuration stays as it was: %w", err)
	if o.err != nil {
		err = fmt.Errorf("%w; %w", o.err, err)
	}
	o.err = err
	return o
}
