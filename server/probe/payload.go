package probe

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// CorruptError says where an answer differs from what was sent.
type CorruptError struct {
	Offset    int  // of the first byte that differs, from the start of the message
	Want, Got byte // what was sent there, and what came back
}

func (e *CorruptError) Error() string {
	return fmt.Sprintf("byte %d differs: sent 0x%02x, came back 0x%02x", e.Offset, e.Want, e.Got)
}

// headerSize is how much of a payload names its sequence number; the rest
// depends on it too.
const headerSize = 8

// payloads makes the messages of one Pinger run. No two sequence numbers have
// the same payload, and no two runs (nonce) either, so that an answer tells
// what it answers. Payloads shorter than a header repeat after 256^size
// messages.
type payloads struct {
	nonce uint64
	size  int
}

// message is the payload of sequence number seq.
func (p payloads) message(seq int) []byte {
	b := make([]byte, 0, p.size+headerSize)
	state := p.nonce + uint64(seq)
	b = binary.LittleEndian.AppendUint64(b, state)
	for len(b) < p.size {
		state += 0x9e3779b97f4a7c15
		b = binary.LittleEndian.AppendUint64(b, mix(state))
	}
	return b[:p.size]
}

// names tells whether data begins like the payload of seq.
func (p payloads) names(data []byte, seq int) bool {
	header := binary.LittleEndian.AppendUint64(nil, p.nonce+uint64(seq))
	n := min(p.size, headerSize)
	return len(data) >= n && bytes.Equal(data[:n], header[:n])
}

// verify compares data with the payload of seq.
func (p payloads) verify(data []byte, seq int) error {
	want := p.message(seq)
	if bytes.Equal(data, want) {
		return nil
	}
	for i := range min(len(data), len(want)) {
		if data[i] != want[i] {
			return &CorruptError{Offset: i, Want: want[i], Got: data[i]}
		}
	}
	return fmt.Errorf("answer has another length: sent %d bytes, came back %d", len(want), len(data))
}

// mix is the output function of SplitMix64 (Steele, Lea, Flood, "Fast
// splittable pseudorandom number generators", 2014).
func mix(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}
