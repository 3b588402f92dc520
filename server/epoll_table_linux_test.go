package server

import (
	"slices"
	"testing"
)

// A table has each client at its descriptor, and no other, also beyond its first page and while it
// is emptied.
func TestClientTable(t *testing.T) {
	var table clientTable
	want := make(map[int32]*epollClient)
	for _, fd := range []int32{3, tablePage - 1, 4*tablePage + 7, tablePage, 4} {
		want[fd] = &epollClient{fd: fd}
		table.put(fd, want[fd])
	}
	table.put(5, &epollClient{fd: 5})
	table.put(5, nil)
	for fd := range int32(6 * tablePage) {
		if got := table.at(fd); got != want[fd] {
			t.Errorf("descriptor %d has %v, want %v", fd, got, want[fd])
		}
	}
	var all []int32
	for c := range table.all {
		all = append(all, c.fd)
		table.put(c.fd, nil)
	}
	if want := []int32{3, 4, tablePage - 1, tablePage, 4*tablePage + 7}; !slices.Equal(all, want) {
		t.Errorf("all are %v, want %v", all, want)
	}
	for c := range table.all {
		t.Errorf("descriptor %d is left", c.fd)
	}
}
