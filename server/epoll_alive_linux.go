package server

import "context"

// alive reports whether every loop has come round to a task before ctx ended.
func (e *epollEngine) alive(ctx context.Context) bool {
	var loops []*loop
	if p := e.loops.Load(); p != nil {
		loops = *p
	}
	answersC := make(chan struct{}, len(loops))
	for _, l := range loops {
		if !l.do(func() { answersC <- struct{}{} }) {
			answersC <- struct{}{} // it has been stopped, and is not stuck
		}
	}
	for range loops {
		select {
		case <-answersC:
		case <-ctx.Done():
			return false
		}
	}
	return true
}
