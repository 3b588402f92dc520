package control

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"echod/server"
)

// A Connection is a client being served. GET /v1/connections answers with an object whose one
// member, connections, is a list of these, each on a line of its own and in no particular order.
type Connection struct {
	ID            uint64    `json:"id"`      // as in the log
	Network       string    `json:"network"` // "tcp" or "unix"
	Local         string    `json:"local"`   // the address the client connected to
	Remote        string    `json:"remote"`  // the client's address
	BytesReceived uint64    `json:"bytes_received"`
	BytesSent     uint64    `json:"bytes_sent"`
	OpenedAt      time.Time `json:"opened_at"`
	AgeSeconds    float64   `json:"age_seconds"`
	IdleSeconds   float64   `json:"idle_seconds"` // since a byte last came in or went out
}

func connectionOf(info server.SessionInfo, now time.Time) Connection {
	return Connection{
		ID:            info.ID,
		Network:       info.Network,
		Local:         info.Local,
		Remote:        info.Remote,
		BytesReceived: info.BytesReceived,
		BytesSent:     info.BytesSent,
		OpenedAt:      info.Opened,
		AgeSeconds:    max(0, now.Sub(info.Opened).Seconds()),
		IdleSeconds:   max(0, now.Sub(info.LastActivity).Seconds()),
	}
}

// getConnections writes the list while it goes through the clients: however many there are, only
// a buffer of them is in memory. A caller who does not read has the list broken off after a while.
func (s *Server) getConnections(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	out := bufio.NewWriterSize(&patientWriter{w, http.NewResponseController(w)}, 32<<10)
	out.WriteString(`{"connections":[`)
	separator := "\n"
	for info := range s.Clients.Sessions() {
		object, err := json.Marshal(connectionOf(info, time.Now()))
		if err != nil {
			panic(err) // net/http breaks the answer off, so that nobody takes it for whole
		}
		out.WriteString(separator)
		if _, err := out.Write(object); err != nil {
			return
		}
		separator = ",\n"
	}
	out.WriteString("\n]}\n")
	out.Flush() // a caller who is gone has nothing to be told
}

// A patientWriter gives each write the time that a whole answer has otherwise.
type patientWriter struct {
	http.ResponseWriter
	control *http.ResponseController
}

func (w *patientWriter) Write(p []byte) (int, error) {
	if err := w.control.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return 0, err
	}
	return w.ResponseWriter.Write(p)
}

func (s *Server) deleteConnection(w http.ResponseWriter, r *http.Request) {
	id, err := strconv.ParseUint(r.PathValue("id"), 10, 64)
	switch {
	case err != nil:
		writeProblem(w, http.StatusBadRequest, fmt.Sprintf("connection id %q: want a number", r.PathValue("id")))
	case !s.Clients.Disconnect(id):
		writeProblem(w, http.StatusNotFound, fmt.Sprintf("there is no connection %d", id))
	default:
		w.WriteHeader(http.StatusNoContent)
	}
}
