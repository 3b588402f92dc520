package server

// tablePage is how many descriptors share a page of a clientTable.
const tablePage = 512

// A clientTable finds clients by their descriptors. It grows by pages, so that nothing is copied, and nothing
// left behind for the collector, when many come.
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
	for _, page := range t.pages {
		for _, c := range page {
			if c != nil && !yield(c) {
				return
			}
		}
	}
}
