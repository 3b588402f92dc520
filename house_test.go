// Package echod_test keeps the rules of the house that a compiler does not know.
package echod_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const (
	module      = "echod"
	goDaemon    = "github.com/sevlyar/go-daemon"
	systemCalls = "golang.org/x/sys"
)

// TestHouse holds this tree against every rule.
func TestHouse(t *testing.T) {
	h, err := readHouse(os.DirFS("."))
	if err != nil {
		t.Fatal(err)
	}
	if len(h.files) < 2 {
		t.Fatalf("found %d Go files: this is not the tree", len(h.files))
	}
	for _, r := range rules() {
		t.Run(r.name, func(t *testing.T) {
			for _, violation := range r.check(h) {
				t.Error(violation)
			}
		})
	}
}

// A rule is one promise about the source. It returns a line for each place that
// breaks it, beginning with the file and the line number.
type rule struct {
	name  string
	check func(*house) []string
}

func rules() []rule {
	return []rule{
		{"packages meet in the program", neighbours},
		{"go-daemon has one importer", goDaemonImporter},
		{"system calls are in linux and unix files", systemCallFiles},
		{"xinetd is on its own", standardOnly},
		{"no init", initFunctions},
		{"no mutable package variable", packageVariables},
		{"files are named after a duty", names},
	}
}

// neighbours lets only cmd/echod know everybody. The others meet there as
// *slog.Logger, net.Listener, net.PacketConn and *os.File.
func neighbours(h *house) []string {
	return h.imports(func(f file, imported string) string {
		to, ours := strings.CutPrefix(imported, module+"/")
		if !ours || to == f.folder || f.folder == "cmd/echod" || f.folder == "server/control" && to == "server" {
			return ""
		}
		return "only cmd/echod imports other packages of the house, and server/control imports server"
	})
}

// goDaemonImporter keeps go-daemon replaceable.
func goDaemonImporter(h *house) []string {
	var product []string
	found := h.imports(func(f file, imported string) string {
		if imported != goDaemon {
			return ""
		}
		if !f.isTest() {
			product = append(product, f.path)
		}
		return "go-daemon has one importer, which is no test"
	})
	switch {
	case len(found) == 0:
		return []string{"go.mod:1: nothing imports " + goDaemon}
	case len(found) == 1 && len(product) == 1:
		return nil
	}
	return found
}

// systemCallFiles has the file list say what is not portable.
func systemCallFiles(h *house) []string {
	return h.imports(func(f file, imported string) string {
		stem := strings.TrimSuffix(strings.TrimSuffix(f.path, ".go"), "_test")
		if !within(imported, systemCalls) || strings.HasSuffix(stem, "_linux") || strings.HasSuffix(stem, "_unix") {
			return ""
		}
		return "only files named *_linux.go, *_unix.go or their tests import it"
	})
}

// standardOnly lets anybody take the xinetd parser along.
func standardOnly(h *house) []string {
	return h.imports(func(f file, imported string) string {
		first, _, _ := strings.Cut(imported, "/")
		if f.folder != "server/xinetd" || f.isTest() || !strings.Contains(first, ".") && first != module {
			return ""
		}
		return "server/xinetd imports the standard library only"
	})
}

// earlyInput is the file with the one init function there is: what it does has to be done before
// main.
const earlyInput = "daemonize/input_unix.go"

// initFunctions keeps imports free of effects.
func initFunctions(h *house) []string {
	var found []string
	for _, f := range h.files {
		for _, d := range f.syntax.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" && f.path != earlyInput {
				found = append(found, h.at(fn)+"init function: have the caller, in the end main, do it")
			}
		}
	}
	return found
}

// names refuses the folders and files in which nobody would look for anything.
func names(h *house) []string {
	refused := []string{"util", "utils", "common", "helper", "helpers", "types"}
	var found []string
	for _, p := range h.paths {
		for word := range strings.FieldsFuncSeq(path.Base(p), func(r rune) bool { return strings.ContainsRune("._-", r) }) {
			if slices.Contains(refused, word) {
				found = append(found, fmt.Sprintf("%s:1: called %q: name it after its duty", p, word))
			}
		}
	}
	return found
}

// A house is a source tree.
type house struct {
	paths []string // of all files and folders but those of git
	files []file   // the Go files of the module, for every platform
	set   *token.FileSet
}

// A file is a Go file. Paths begin at the root and have slashes.
type file struct {
	path   string
	folder string
	syntax *ast.File
}

func (f file) isTest() bool { return strings.HasSuffix(f.path, "_test.go") }

func readHouse(tree fs.FS) (*house, error) {
	h := &house{set: token.NewFileSet()}
	err := fs.WalkDir(tree, ".", func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case p == ".git" && d.IsDir():
			return fs.SkipDir
		case p == ".git": // a worktree has a file of this name
			return nil
		case p != ".":
			h.paths = append(h.paths, p)
		}
		if d.IsDir() || path.Ext(p) != ".go" || !inModule(tree, path.Dir(p)) {
			return nil
		}
		source, err := fs.ReadFile(tree, p)
		if err != nil {
			return err
		}
		syntax, err := parser.ParseFile(h.set, p, source, parser.SkipObjectResolution)
		h.files = append(h.files, file{p, path.Dir(p), syntax})
		return err
	})
	return h, err
}

// inModule tells whether the go command takes a folder for a part of our module.
func inModule(tree fs.FS, folder string) bool {
	for ; folder != "."; folder = path.Dir(folder) {
		base := path.Base(folder)
		if base == "testdata" || base == "vendor" || strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_") {
			return false
		}
		if _, err := fs.Stat(tree, path.Join(folder, "go.mod")); err == nil {
			return false
		}
	}
	return true
}

// imports asks judge about every import and returns a line for each one that it
// has something to say against.
func (h *house) imports(judge func(f file, imported string) string) []string {
	var found []string
	for _, f := range h.files {
		for _, spec := range f.syntax.Imports {
			imported, _ := strconv.Unquote(spec.Path.Value) // the parser has checked it
			if against := judge(f, imported); against != "" {
				found = append(found, fmt.Sprintf("%simports %s: %s", h.at(spec), imported, against))
			}
		}
	}
	return found
}

// at is the beginning of a violation's line.
func (h *house) at(n ast.Node) string {
	p := h.set.Position(n.Pos())
	return fmt.Sprintf("%s:%d: ", p.Filename, p.Line)
}

// within tells whether an import path is a module's own or that of a package in it.
func within(imported, module string) bool {
	return imported == module || strings.HasPrefix(imported, module+"/")
}
