package server

import (
	"testing"

	"golang.org/x/sys/unix"
)

// answer puts an answer of one byte into a slot of the batch.
func (b *datagramBatch) answer(content byte) {
	slot := &b.slots[len(b.left)]
	slot.size, *slot.iov.Base = 1, content
	slot.iov.SetLen(1)
	m := &b.answers[len(b.left)]
	m.Iov = &slot.iov
	m.SetIovlen(1)
	b.left = append(b.left, slot)
}

// Answers that the kernel has no room for are sent when it has, each once and in their order. One
// that it does not take at all is given up, and no other with it.
func TestDatagramAnswersWaitForRoom(t *testing.T) {
	ends, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(ends[0]) })
	t.Cleanup(func() { unix.Close(ends[1]) })
	full := 0 // how many datagrams there is room for
	for ; unix.Send(ends[0], []byte{'x'}, 0) == nil; full++ {
		if full == 1000 {
			t.Fatal("the kernel takes any number of datagrams")
		}
	}
	got := make([]byte, 2)
	for range 3 {
		unix.Read(ends[1], got)
	}

	s := new(Server)
	v := new(Service)
	begin(t, s, v)
	b := newDatagramBatch()
	b.datagramSocket = &datagramSocket{server: s, service: v, conn: newDatagrams(t, datagramCases()[0], "127.0.0.1:0").open()}
	t.Cleanup(func() { b.conn.Close() })
	for i := range byte(batchLen) {
		b.answer('a' + i)
	}
	b.left[1].iov.SetLen(1 << 30) // it cannot be sent
	var answers []byte
	for b.flush(uintptr(ends[0])); len(b.left) > 0; b.flush(uintptr(ends[0])) {
		if n, err := unix.Read(ends[1], got); err != nil || n != 1 {
			t.Fatal(n, err)
		}
		answers = append(answers, got[0])
	}
	for n, _ := unix.Read(ends[1], got); n == 1; n, _ = unix.Read(ends[1], got) {
		answers = append(answers, got[0])
	}
	if got, want := string(answers[full-3:]), "acdefghijklmnop"; got != want {
		t.Errorf("the answers are %q, want %q", got, want)
	}
	b.publish()
	if st := s.Stats().Datagrams; st.Sent != batchLen-1 || st.Refused[RefusedUnsent] != 1 {
		t.Errorf("%+v", st)
	}
}
