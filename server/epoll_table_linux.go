package server

import "iter"

// tablePage is how many descriptors share a page of a clientTable.
const tablePage = 512

// A clientTable finds clients by their descriptors. It grows by pages, so that nothing is copied,
// and nothing left behind for the collector, when many come.
type clientTable struct {
	pages []*[tablePage]*epollClient
}

// at returns the client with the descriptor fd, or nil.
func (t *clientTable) at(fd int32) *epollClient {
	if page := int(fd) / tablePage; page < len(t.pages) {
		return t.pages[page][int(fd)%tablePage]
	}
	return nil
}

// put makes c the client with the descriptor fd; nil is none.
func (t *clientTable) put(fd int32, c *epollClient) {
	for len(t.pages) <= int(fd)/tablePage {
		t.pages = append(t.pages, new([tablePage]*epollClient))
	}
	t.pages[int(fd)/tablePage][int(fd)%tablePage] = c
}

// all yields the clients. The table may be changed meanwhile.
func (t *clientTable) all(yield func(*epollClient) bool) {
	t.between(0, len(t.pages))(yield)
}

// between is all, of the pages from first up to end only, as far as there are such.
func (t *clientTable) between(first, end int) iter.Seq[*epollClient] {
	return func(yield func(*epollClient) bool) {
		for i := first; i < min(end, len(t.pages)); i++ {
			for _, c := range t.pages[i] {
				if c != nil && !yield(c) {
					return
				}
			}
		}
	}
}
