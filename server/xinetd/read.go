package xinetd

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"path"
	"slices"
	"strings"
)

// Bounds of what is read. They are far above any real configuration: they keep a hostile or
// broken tree of files from taking all memory.
const (
	maxDepth   = 16      // of include in include
	maxFiles   = 4096    // that are opened
	maxEntries = 10_000  // services and defaults, all files together
	maxBytes   = 4 << 20 // all files together
	maxItems   = 1 << 20 // of the lists of all services, inherited ones counted again
)

// Options says how names in the files are understood. The zero value knows no name.
type Options struct {
	// Dir is where relative paths in the files and a relative name of the first begin. xinetd takes
	// the directory that it was started in. Empty is the root of the fs.FS.
	Dir string
	// LookupPort finds a service by name, as /etc/services lists it; network is tcp or udp.
	LookupPort func(network, service string) (port uint16, ok bool)
	// LookupNetwork finds a network by name, as /etc/networks lists it.
	LookupNetwork func(name string) (network netip.Prefix, ok bool)
}

// Config is what the files say.
type Config struct {
	Services    []Service // as written, with the ones that are off
	Log         Log       // log_type of the defaults
	Files       []string  // that were opened, in the order of reading
	Diagnostics []Diagnostic
}

// Failed tells whether there is an error among the diagnostics.
func (c *Config) Failed() bool {
	return slices.ContainsFunc(c.Diagnostics, func(d Diagnostic) bool { return d.Severity == Error })
}

// Read reads the named file and all that it includes. A path in a file is taken from the root
// of fsys when it begins with a slash. The error is about the named file itself: without it
// there is no configuration. All other faults are diagnostics.
func Read(fsys fs.FS, name string, o Options) (*Config, error) {
	r := &reader{fsys: fsys, options: o}
	name = r.path(name)
	if err := r.read(name, 0); err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	c := r.build()
	c.Files = r.files
	c.Diagnostics = r.report.sorted(r.files)
	return c, nil
}

// reader holds what all files have in common.
type reader struct {
	fsys    fs.FS
	options Options
	report  report

	files   []string
	reading []string // the file that is read, and the ones that include it
	bytes   int
	entries []*entry
	full    bool // too many entries: said once

	unreadDefaults bool // there are defaults that could not be read
}

// read reads one file. The error is about the file: its content has diagnostics.
func (r *reader) read(name string, depth int) error {
	switch {
	case slices.Contains(r.reading, name):
		return &fs.PathError{Op: "include", Path: name, Err: errors.New("the file includes itself")}
	case depth > maxDepth:
		return &fs.PathError{Op: "include", Path: name, Err: fmt.Errorf("more than %d files include one another", maxDepth)}
	case len(r.files) == maxFiles:
		return &fs.PathError{Op: "include", Path: name, Err: fmt.Errorf("more than %d files", maxFiles)}
	}
	data, err := r.load(name)
	if err != nil {
		return err
	}
	r.files = append(r.files, name)
	r.reading = append(r.reading, name)
	p := parser{reader: r, file: name, lines: lines{rest: strings.TrimPrefix(data, "\ufeff")}}
	p.run(depth)
	r.reading = r.reading[:len(r.reading)-1]
	return nil
}

// load returns the content of a regular file. It looks before it opens, as opening a FIFO waits
// for its other end; a file that becomes a FIFO in between still makes it wait.
func (r *reader) load(name string) (string, error) {
	info, err := fs.Stat(r.fsys, rooted(name))
	if err != nil {
		return "", withPath(err, name)
	}
	if !info.Mode().IsRegular() {
		return "", &fs.PathError{Op: "open", Path: name, Err: errors.New("not a regular file")}
	}
	f, err := r.fsys.Open(rooted(name))
	if err != nil {
		return "", withPath(err, name)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, int64(maxBytes-r.bytes)+1))
	if err != nil {
		return "", withPath(err, name)
	}
	if r.bytes += len(data); r.bytes > maxBytes {
		r.bytes = maxBytes
		return "", &fs.PathError{Op: "read", Path: name, Err: fmt.Errorf("more than %d bytes in all files", maxBytes)}
	}
	return string(data), nil
}

func (r *reader) include(name string, at position, depth int) {
	if err := r.read(r.path(name), depth); err != nil {
		r.report.add(Diagnostic{File: at.file, Line: at.line, Text: text(err), Severity: Error})
	}
}

// includeDir reads the files of a directory in the order of their bytes, as xinetd does, and
// leaves out the same names: backups, and all that have a dot.
func (r *reader) includeDir(name string, at position, depth int) {
	dir := r.path(name)
	say := func(s Severity, text string) {
		r.report.add(Diagnostic{File: at.file, Line: at.line, Text: text, Severity: s})
	}
	list, err := fs.ReadDir(r.fsys, rooted(dir))
	if errors.Is(err, fs.ErrNotExist) {
		say(Warning, text(withPath(err, dir)))
		return
	}
	if err != nil {
		say(Error, text(withPath(err, dir)))
		return
	}
	for _, item := range list {
		file := path.Join(dir, item.Name())
		switch {
		case strings.HasSuffix(file, ".conf"):
			say(Warning, plain(file)+" is skipped: its name has a dot")
			continue
		case strings.Contains(item.Name(), ".") || strings.HasSuffix(file, "~"):
			continue
		}
		if info, err := fs.Stat(r.fsys, rooted(file)); err == nil && info.IsDir() {
			say(Warning, plain(file)+" is skipped: it is a directory")
			continue
		}
		if err := r.read(file, depth); err != nil {
			say(Error, text(err))
		}
		if len(r.files) == maxFiles {
			say(Error, fmt.Sprintf("the rest of %s is not read: more than %d files", plain(dir), maxFiles))
			return
		}
	}
}

// keep adds an entry. Past the bound no service is dropped in silence.
func (r *reader) keep(e *entry) {
	if len(r.entries) < maxEntries {
		r.entries = append(r.entries, e)
		return
	}
	if !r.full {
		r.full = true
		r.report.add(Diagnostic{
			File: e.file, Line: e.line, Severity: Error,
			Text: fmt.Sprintf("more than %d entries: the rest is not read", maxEntries),
		})
	}
	r.unreadDefaults = r.unreadDefaults || e.name == defaultsName
}

// path makes a path of a file absolute, if Options.Dir is.
func (r *reader) path(name string) string {
	if path.IsAbs(name) {
		return path.Clean(name)
	}
	return path.Join(r.options.Dir, name)
}

// rooted is a path as fs.FS wants it: from the root, without the slash.
func rooted(name string) string {
	if name = path.Clean("/" + name)[1:]; name == "" {
		return "."
	}
	return name
}

// withPath gives an error of the fs.FS the path that the administrator knows.
func withPath(err error, name string) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return &fs.PathError{Op: p.Op, Path: name, Err: p.Err}
	}
	return &fs.PathError{Op: "read", Path: name, Err: err}
}

// text is the message of an error about a file with any name.
func text(err error) string {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Op + " " + plain(p.Path) + ": " + p.Err.Error()
	}
	return err.Error()
}
