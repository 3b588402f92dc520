package control

import (
	"net/http"
	"time"
)

// Status is what a server is doing: the answer to GET /v1/status. Fields may be added, none is
// ever removed. Counts are totals since the start unless they say otherwise.
type Status struct {
	Running       bool             `json:"running"`
	Pid           int              `json:"pid"`
	Version       string           `json:"version"`
	StartedAt     time.Time        `json:"started_at"`
	UptimeSeconds float64          `json:"uptime_seconds"`
	State         State            `json:"state"`
	Engine        string           `json:"engine"` // what serves connections: "epoll" or "portable"
	Listeners     []ListenerStatus `json:"listeners"`
	MetricsListen string           `json:"metrics_listen"` // host and port, or empty
	PidFile       string           `json:"pid_file"`       // path, or empty
	ControlSocket string           `json:"control_socket"` // path, or empty
	Connections   ConnectionCounts `json:"connections"`
	Datagrams     DatagramCounts   `json:"datagrams"`
	Bytes         ByteCounts       `json:"bytes"`
	Rates         Rates            `json:"rates"`
	Limits        Limits           `json:"limits"`
	Log           LogStatus        `json:"log"`
}

// A State is a stage in the life of a server.
type State string

const (
	Serving  State = "serving"
	Draining State = "draining" // no new clients; ends when the last one has left, or in time
	Stopping State = "stopping" // clients are being closed
)

// ListenerStatus is an address that is served.
type ListenerStatus struct {
	Network string `json:"network"` // "tcp", "udp" or "unix"
	Address string `json:"address"` // host and port, or a path
}

// ConnectionCounts counts clients.
type ConnectionCounts struct {
	Active   int    `json:"active"`   // at this moment
	Accepted uint64 `json:"accepted"` // that were served
	Refused  uint64 `json:"refused"`  // that were closed without being served

	LimitReached      bool   `json:"limit_reached"`       // there is no place for one more: the next ones wait
	LimitReachedTimes uint64 `json:"limit_reached_times"` // that this came to be

	// RefusedByReason divides Refused by the words that the log has for the reasons. nil means
	// that they are not told apart.
	RefusedByReason map[string]uint64 `json:"refused_by_reason,omitempty"`
}

// DatagramCounts counts datagrams, whose bytes are in ByteCounts.
type DatagramCounts struct {
	Received uint64 `json:"received"`
	Sent     uint64 `json:"sent"`
	Refused  uint64 `json:"refused"` // that were not answered

	// RefusedByReason is as with connections.
	RefusedByReason map[string]uint64 `json:"refused_by_reason,omitempty"`

	// Dropped are those that the kernel had no room for, so that they were not received. nil
	// means that it does not tell.
	Dropped *uint64 `json:"dropped"`
}

// ByteCounts counts the bytes of all clients, those that are gone too.
type ByteCounts struct {
	Received uint64 `json:"received"`
	Sent     uint64 `json:"sent"`
}

// Limits are the settings that bound what clients may do. 0 stands for no bound.
type Limits struct {
	MaxConnections          int     `json:"max_connections"`
	MaxConnectionsPerSource int     `json:"max_connections_per_source"`
	ConnectionRatePerSource float64 `json:"connection_rate_per_source"` // connections a second
	IdleTimeoutSeconds      float64 `json:"idle_timeout_seconds"`
	DrainTimeoutSeconds     float64 `json:"drain_timeout_seconds"`
}

// LogStatus is about the log.
type LogStatus struct {
	File         string `json:"file"`          // its path, "stderr", "syslog", or empty without a log
	Level        string `json:"level"`         // "debug", "info", "warn" or "error"
	LinesDropped uint64 `json:"lines_dropped"` // because it could not be written in time

	// While the log cannot be written, since when, why, and how many lines wait for that; else
	// they are left out.
	FailingSince *time.Time `json:"failing_since,omitempty"`
	Failure      string     `json:"failure,omitempty"`
	LinesWaiting int        `json:"lines_waiting,omitempty"`
}

func (s *Server) getStatus(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, s.status())
}

// status is the snapshot with the rates put in.
func (s *Server) status() Status {
	status := s.Controls.Status()
	status.Rates = s.meter.rates(sampleOf(&status))
	return status
}

// getHealth answers those who only ask whether clients should be sent here.
func (s *Server) getHealth(w http.ResponseWriter, r *http.Request) {
	if state := s.Controls.Status().State; state != Serving {
		writeProblem(w, http.StatusServiceUnavailable, "the server is "+string(state))
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Write([]byte("ok\n"))
}
