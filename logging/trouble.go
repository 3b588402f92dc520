package logging

import "time"

// stallTime is how long the file system, or what else takes the lines, may need for a write before
// that counts as a failure. A reader of standard error that reads now and then may need as long.
const stallTime = time.Second

// Trouble says that the log cannot be written: that the last attempt has failed, or has not ended
// yet.
type Trouble struct {
	Since time.Time
	Lines int   // that wait to be written; see also Dropped
	Err   error // why; [os.ErrDeadlineExceeded] if there is no answer
}

// Trouble returns nil when the log can be written, as far as is known.
func (o *output) Trouble() *Trouble { return o.queue.trouble() }

func (q *queue) trouble() *Trouble {
	q.mu.Lock()
	defer q.mu.Unlock()
	t := &Trouble{Since: q.failing, Lines: q.taken + q.lines, Err: q.failure}
	if t.Since.IsZero() {
		if q.attempt.IsZero() || time.Since(q.attempt) < stallTime {
			return nil
		}
		t.Since, t.Err = q.attempt, errStalled
	}
	return t
}
