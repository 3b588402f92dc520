package control

import (
	"context"
	"net/http"
)

// An Answer says what a command has done: the answer to the calls by POST.
type Answer struct {
	Message string `json:"message"` // for people
}

// command answers with status when f has done its work, or set about it.
func command(status int, f func(context.Context) (string, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		message, err := f(r.Context())
		answer(w, status, message, err)
	}
}

func answer(w http.ResponseWriter, status int, message string, err error) {
	if err != nil {
		writeProblem(w, http.StatusInternalServerError, err.Error())
		return
	}
	writeJSON(w, status, Answer{message})
}

// logged has a line written about each call, after it was answered, with who made it.
func (s *Server) logged(serve http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		noted := &notingWriter{ResponseWriter: w}
		serve(noted, r)
		attrs := []any{"method", r.Method, "path", r.URL.Path, "status", noted.status}
		if p, ok := peerOf(r); ok {
			attrs = append(attrs, "peer_uid", p.uid, "peer_pid", p.pid)
		}
		s.logger().Info("control request", attrs...)
	}
}

// A notingWriter remembers the status that was sent.
type notingWriter struct {
	http.ResponseWriter
	status int
}

func (w *notingWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap is for [http.ResponseController].
func (w *notingWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
