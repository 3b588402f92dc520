package xinetd

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
)

func TestIncludes(t *testing.T) {
	c := read(t, map[string]string{
		"conf": "includedir d\ninclude sub/more\nincludedir none\n",
		"d/b":  good(), "d/a": "defaults\n{\n instances = 7\n}\n", "d/c.conf": good("port = 1"), "d/b~": "junk", "d/b.rpmsave": "junk",
		"d/e/x": "junk", "sub/more": "# nothing\n",
	})
	wantOn(t, c, true)
	if have := fmt.Sprint(c.Files, c.Services[0].File, c.Services[0].Instances); have != "[conf d/a d/b sub/more]d/b7" {
		t.Error(have)
	}
	if c.Failed() || !said(c, Warning, "d/c.conf is skipped") || !said(c, Warning, "d/e is skipped") || !said(c, Warning, "none: file does not exist") {
		t.Errorf("diagnostics: %v", c.Diagnostics)
	}
}

func TestMissingFiles(t *testing.T) {
	c := read(t, map[string]string{"conf": "include gone\n" + good()})
	wantOn(t, c, true)
	if !said(c, Error, "conf:1: open gone: file does not exist") {
		t.Errorf("diagnostics: %v", c.Diagnostics)
	}
	if _, err := Read(fstest.MapFS{}, "conf", Options{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file at all: %v", err)
	}
}

func TestFilesThatIncludeThemselves(t *testing.T) {
	c := read(t, map[string]string{"conf": "include a\n", "a": "include b\n", "b": "include ./a\n"})
	if !said(c, Error, "b:1: include a: the file includes itself") {
		t.Errorf("diagnostics: %v", c.Diagnostics)
	}
	files := map[string]string{"conf": "include 0\n"}
	for i := range 2 * maxDepth {
		files[fmt.Sprint(i)] = fmt.Sprintf("include %d\n", i+1)
	}
	if c := read(t, files); !said(c, Error, "include one another") || len(c.Files) != maxDepth+1 {
		t.Errorf("%d files, %v", len(c.Files), c.Diagnostics)
	}
}

func TestBounds(t *testing.T) {
	t.Run("files", func(t *testing.T) {
		files := map[string]string{"conf": "includedir d\n"}
		for i := range 10_000 {
			files[fmt.Sprintf("d/%05d", i)] = ""
		}
		if c := read(t, files); len(c.Files) != maxFiles || len(c.Diagnostics) != 1 || !c.Failed() {
			t.Errorf("%d files, %v", len(c.Files), c.Diagnostics)
		}
	})
	t.Run("bytes", func(t *testing.T) {
		c := read(t, map[string]string{"conf": "include big\n" + good(), "big": strings.Repeat("#\n", maxBytes)})
		if wantOn(t, c, true); !said(c, Error, "bytes in all files") {
			t.Errorf("diagnostics: %v", c.Diagnostics)
		}
	})
	t.Run("entries and diagnostics", func(t *testing.T) {
		c := read(t, map[string]string{"conf": strings.Repeat("service a\n{\n}\n", maxEntries+5)})
		if len(c.Services) != maxEntries || len(c.Diagnostics) != maxDiagnostics+1 || !said(c, Error, "more are not shown") {
			t.Errorf("%d services, %d diagnostics", len(c.Services), len(c.Diagnostics))
		}
	})
	t.Run("inherited lists", func(t *testing.T) {
		long := "defaults\n{\n" + strings.Repeat(" no_access = "+strings.Repeat("1.2.3.4 ", 1000)+"\n", 20) + "}\n"
		c := read(t, map[string]string{"conf": long + strings.Repeat(good("no_access += 1.2.3.5"), 200)})
		if !said(c, Error, "too long") {
			t.Errorf("%d diagnostics", len(c.Diagnostics))
		}
	})
}

// TestDir: relative paths begin where Options.Dir says, and no path leaves the fs.FS.
func TestDir(t *testing.T) {
	fsys := fstest.MapFS{
		"etc/conf":   {Data: []byte("include more\ninclude /etc/../../etc/other\n")},
		"etc/more":   {Data: []byte("# nothing")},
		"etc/other":  {Data: []byte("# nothing")},
		"etc/nested": {Data: []byte("# nothing")},
	}
	c, err := Read(fsys, "conf", Options{Dir: "/etc"})
	if err != nil || fmt.Sprint(c.Files) != "[/etc/conf /etc/more /etc/other]" || len(c.Diagnostics) > 0 {
		t.Errorf("%+v, %v", c, err)
	}
}

// TestFilesOfTheSystem has what only a real directory has: links, a loop of links, a directory.
func TestFilesOfTheSystem(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "d"), 0o700); err != nil {
		t.Fatal(err)
	}
	write("conf", "includedir d\ninclude d\n")
	write("other", good())
	for link, target := range map[string]string{"d/a": "../other", "d/loop": "loop"} {
		if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	c, err := Read(os.DirFS(dir), "conf", Options{})
	if err != nil {
		t.Fatal(err)
	}
	wantOn(t, c, true)
	if !said(c, Error, "stat d/loop: ") || !said(c, Error, "open d: not a regular file") {
		t.Errorf("diagnostics: %v", c.Diagnostics)
	}
}
