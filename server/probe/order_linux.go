package probe

// order is the list of sockets that wait for the server. Since all wait
// equally long, the one that began first is also the first whose time is
// over, and a list is enough; to begin to wait, to wait anew and to be done
// cost the same few stores however many there are.
type order struct {
	socks  []sock
	head   int32 // index of the longest waiting, -1 if there is none
	tail   int32
	length int
}

// listed is the place of a socket in the order.
type listed struct {
	previous, following int32 // -1 at the ends
	waits               bool
	since               int64 // when it began to wait
}

func newOrder(socks []sock) order {
	return order{socks: socks, head: -1, tail: -1}
}

// first is the longest waiting socket. There must be one.
func (o *order) first() *sock { return &o.socks[o.head] }

// deadline is when the time of the first one is over.
func (o *order) deadline(p *plan) int64 {
	if o.length == 0 {
		return farFuture
	}
	return o.first().since + int64(p.Timeout)
}

// wait makes socket i the last one, waiting since now.
func (o *order) wait(i int32, now int64) {
	s := &o.socks[i]
	s.since = now
	if s.waits && o.tail == i {
		return
	}
	o.remove(i)
	s.waits = true
	s.previous, s.following = o.tail, -1
	if o.tail >= 0 {
		o.socks[o.tail].following = i
	} else {
		o.head = i
	}
	o.tail = i
	o.length++
}

// remove takes socket i off the list if it is on it.
func (o *order) remove(i int32) {
	s := &o.socks[i]
	if !s.waits {
		return
	}
	s.waits = false
	if s.previous >= 0 {
		o.socks[s.previous].following = s.following
	} else {
		o.head = s.following
	}
	if s.following >= 0 {
		o.socks[s.following].previous = s.previous
	} else {
		o.tail = s.previous
	}
	o.length--
}

// rests is the queue of sockets that are to be opened anew a little later.
// All rest equally long, so the first in is the first out.
type rests struct {
	queue []rest
}

type rest struct {
	index int32
	until int64
}

func (r *rests) add(i int32, until int64) { r.queue = append(r.queue, rest{i, until}) }

func (r *rests) empty() bool { return len(r.queue) == 0 }

// next is when the rest of the first one is over.
func (r *rests) next() int64 {
	if r.empty() {
		return farFuture
	}
	return r.queue[0].until
}

// take takes the first one off the queue. There must be one.
func (r *rests) take() int32 {
	i := r.queue[0].index
	r.queue = r.queue[1:]
	return i
}
