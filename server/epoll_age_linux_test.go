package server

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// After any operations the list has the clients that a slice would have, in both directions.
func TestAgeList(t *testing.T) {
	var list ageList
	var model []*epollClient
	clients := make([]epollClient, 12)
	for step := range 20_000 {
		c := &clients[rand.IntN(len(clients))]
		at := slices.Index(model, c)
		op := rand.IntN(3)
		switch {
		case op == 0:
			list.remove(c) // has no effect if it is not in
		case at < 0:
			list.add(c)
		default:
			list.renew(c)
		}
		if at >= 0 {
			model = slices.Delete(model, at, at+1)
		}
		if op != 0 {
			model = append(model, c)
		}
		if !slices.Equal(list.fromOldest(), model) {
			t.Fatalf("step %d: the order is wrong from the oldest on", step)
		}
		slices.Reverse(model)
		if !slices.Equal(list.fromNewest(), model) {
			t.Fatalf("step %d: the order is wrong from the newest on", step)
		}
		slices.Reverse(model)
		if at = slices.Index(model, c); at < 0 && (c.older != nil || c.newer != nil) {
			t.Fatalf("step %d: who is not in the list has neighbours", step)
		}
	}
}

func (a *ageList) fromOldest() (all []*epollClient) {
	for c := a.oldest; c != nil; c = c.newer {
		all = append(all, c)
	}
	return all
}

func (a *ageList) fromNewest() (all []*epollClient) {
	for c := a.newest; c != nil; c = c.older {
		all = append(all, c)
	}
	return all
}
