package probe

import "time"

// flight is one message on its way, or one whose fate is known already but
// whose answer may still come, late or again.
type flight struct {
	seq     int
	sentAt  time.Time
	waiting bool
	gaveUp  bool // its time was over, or it failed, before an answer came
}

// remembered is how many past datagrams are kept to recognise an answer that
// comes late or twice.
const remembered = 256

// flights is the book of all messages sent whose answer may still come, in
// the order of sending.
type flights struct {
	book    []*flight
	waiting int
}

func (fs *flights) launch(seq int, at time.Time) {
	fs.book = append(fs.book, &flight{seq: seq, sentAt: at, waiting: true})
	fs.waiting++
}

// conclude notes that f's fate is known.
func (fs *flights) conclude(f *flight, gaveUp bool) {
	if f.waiting {
		f.waiting, f.gaveUp = false, gaveUp
		fs.waiting--
	}
}

// oldest is the flight that has been waiting longest, nil if none is.
func (fs *flights) oldest() *flight {
	for _, f := range fs.book {
		if f.waiting {
			return f
		}
	}
	return nil
}

// shift takes the first flight off the book: on a stream, answers come in the
// order of the messages. It returns nil if nothing was sent.
func (fs *flights) shift() *flight {
	if len(fs.book) == 0 {
		return nil
	}
	f := fs.book[0]
	fs.book = fs.book[1:]
	return f
}

// find is a flight for which is holds, nil if there is none. Payloads so short
// that they repeat, or that are empty, name more than one: then it is the one
// that has waited longest, else the newest.
func (fs *flights) find(is func(seq int) bool) *flight {
	var newest *flight
	for _, f := range fs.book {
		if !is(f.seq) {
			continue
		}
		if f.waiting {
			return f
		}
		newest = f
	}
	return newest
}

// prune forgets all but the last few of the flights whose fate is known.
func (fs *flights) prune() {
	for len(fs.book) > remembered && !fs.book[0].waiting {
		fs.book = fs.book[1:]
	}
}
