package logging

import (
	"fmt"
	"log/slog"
)

// Format is how a record becomes a line.
type Format int

const (
	Text Format = iota // logfmt, as of [slog.TextHandler]
	JSON               // an object, as of [slog.JSONHandler]
)

// ParseFormat returns the format of that name, "text" or "json".
func ParseFormat(name string) (Format, error) {
	for _, f := range []Format{Text, JSON} {
		if f.String() == name {
			return f, nil
		}
	}
	return 0, fmt.Errorf("log format %q: want text or json", name)
}

// String returns the format's name.
func (f Format) String() string {
	if f == JSON {
		return "json"
	}
	return "text"
}

// Options are the settings that all kinds of log share. The zero value is
// ready for use.
type Options struct {
	// Format is how lines are written. The zero value is Text.
	Format Format

	// Level is the lowest level that is logged; a [slog.LevelVar] can be
	// changed at run time. Nil means slog.LevelInfo.
	Level slog.Leveler

	// BufferSize is how many bytes of lines may wait to be written before
	// further ones are dropped. Zero means 1 MiB.
	BufferSize int

	// Owner is the number of the user that the process will become, and whose file [OpenFile]
	// takes, besides root's and the caller's, in a directory that others may write. Zero stands
	// for none.
	Owner int
}
