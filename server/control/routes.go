package control

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// A route is one call of the API.
type route struct {
	method, path string
	serve        http.HandlerFunc
	offered      bool // whether there is a control behind it
}

func (s *Server) routes() []route {
	c := s.Controls
	return append(s.metricsRoutes(),
		route{"GET", "/v1/status", s.getStatus, c.Status != nil},
		route{"GET", "/v1/connections", s.getConnections, c.Clients != nil},
		route{"DELETE", "/v1/connections/{id}", s.deleteConnection, c.Clients != nil},
		route{"GET", "/v1/log-level", s.getLogLevel, c.Level != nil},
		route{"PUT", "/v1/log-level", s.putLogLevel, c.Level != nil},
		route{"POST", "/v1/reopen", command(http.StatusOK, c.Reopen), c.Reopen != nil},
		route{"POST", "/v1/reload", command(http.StatusOK, c.Reload), c.Reload != nil},
		route{"POST", "/v1/drain", command(http.StatusAccepted, c.Drain), c.Drain != nil},
		route{"POST", "/v1/stop", command(http.StatusAccepted, c.Stop), c.Stop != nil},
	)
}

func (s *Server) metricsRoutes() []route {
	offered := s.Controls.Status != nil
	return []route{
		{"GET", "/metrics", s.getMetrics, offered},
		{"GET", "/healthz", s.getHealth, offered},
	}
}

// mux sends each call on its route, and answers the others with a problem. ServeMux alone would
// answer those with text.
func (s *Server) mux(routes []route) http.Handler {
	paths := make(map[string]methods)
	for _, r := range routes {
		if paths[r.path] == nil {
			paths[r.path] = make(methods)
		}
		paths[r.path][r.method] = s.handler(r)
	}
	mux := http.NewServeMux()
	for path, m := range paths {
		mux.Handle(path, m)
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		writeProblem(w, http.StatusNotFound, fmt.Sprintf("there is no %s here", r.URL.Path))
	})
	return mux
}

// handler puts what all calls have in common around one.
func (s *Server) handler(r route) http.Handler {
	serve := r.serve
	if !r.offered {
		serve = func(w http.ResponseWriter, req *http.Request) {
			writeProblem(w, http.StatusNotImplemented, "this server does not offer "+req.URL.Path)
		}
	}
	if r.method != http.MethodGet {
		serve = s.logged(serve)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		req.Body = http.MaxBytesReader(w, req.Body, maxBodyBytes)
		w.Header().Set("Cache-Control", "no-store")
		serve(w, req)
	})
}

// methods are the calls to one path, by method.
type methods map[string]http.Handler

func (m methods) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet // net/http leaves the body out
	}
	if h, ok := m[method]; ok {
		h.ServeHTTP(w, r)
		return
	}
	w.Header().Set("Allow", m.allowed())
	writeProblem(w, http.StatusMethodNotAllowed, fmt.Sprintf("%s takes %s", r.URL.Path, m.allowed()))
}

func (m methods) allowed() string {
	var names []string
	for name := range m {
		names = append(names, name)
		if name == http.MethodGet {
			names = append(names, http.MethodHead)
		}
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}
