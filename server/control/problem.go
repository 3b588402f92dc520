package control

import (
	"encoding/json"
	"net/http"
)

// A Problem says why a call failed, as RFC 9457 has it. Its type is always "about:blank": the
// status says all there is to tell programs.
type Problem struct {
	Title  string `json:"title"`  // the status in words
	Status int    `json:"status"` // of HTTP
	Detail string `json:"detail"` // the cause, for people
}

// Error returns the cause alone.
func (p *Problem) Error() string {
	if p.Detail == "" {
		return p.Title
	}
	return p.Detail
}

const problemType = "application/problem+json"

func newProblem(status int, detail string) *Problem {
	return &Problem{Title: http.StatusText(status), Status: status, Detail: detail}
}

func writeProblem(w http.ResponseWriter, status int, detail string) {
	writeBody(w, status, problemType, newProblem(status, detail))
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	writeBody(w, status, "application/json", v)
}

func writeBody(w http.ResponseWriter, status int, contentType string, v any) {
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(status)
	w.Write(encode(v)) // a caller who is gone has nothing to be told
}

// encode returns v as a line of JSON. All that is encoded here can be: text, and numbers that are
// finite.
func encode(v any) []byte {
	body, err := json.Marshal(v)
	if err != nil {
		panic(err) // net/http logs it with the stack, and breaks the answer off
	}
	return append(body, '\n')
}
