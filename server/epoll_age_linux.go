package server

// An ageList keeps clients in the order in which something happened to them. All its methods take
// the same time, however long it is. A client is in one list at most.
type ageList struct {
	oldest, newest *epollClient
}

// add puts c, which is in no list, at the new end.
func (a *ageList) add(c *epollClient) {
	c.older, c.newer = a.newest, nil
	if a.newest == nil {
		a.oldest = c
	} else {
		a.newest.newer = c
	}
	a.newest = c
}

// remove takes c out, if it is in.
func (a *ageList) remove(c *epollClient) {
	switch {
	case c.older != nil:
		c.older.newer = c.newer
	case a.oldest == c:
		a.oldest = c.newer
	default:
		return // in no list
	}
	if c.newer != nil {
		c.newer.older = c.older
	} else {
		a.newest = c.older
	}
	c.older, c.newer = nil, nil
}

// renew moves c to the new end.
func (a *ageList) renew(c *epollClient) {
	if a.newest != c {
		a.remove(c)
		a.add(c)
	}
}
