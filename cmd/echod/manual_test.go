package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// TestManual holds that whatever scripts and people may rely on is in echod(8).
func TestManual(t *testing.T) {
	b, err := os.ReadFile("../../man/echod.8")
	if err != nil {
		t.Fatal(err)
	}
	page := string(b)
	root := (&program{name: "echod", args: []string{"echod"}, stdout: io.Discard, stderr: io.Discard}).rootCommand()
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd("help")
	verbs := 0
	for _, verb := range root.Commands() {
		if verb.Hidden {
			continue
		}
		verbs++
		mentions(t, page, "verb "+verb.Name(), `(?m)^\.It Cm (\S+ , )*`+verb.Name()+`\b`)
		if verb.Name() != "completion" && verb.Name() != "help" {
			flagsInManual(t, page, verb)
		}
	}
	if verbs < 8 {
		t.Errorf("found %d verbs: these are not all", verbs)
	}
	for _, signal := range constants(t, "signals.go", regexp.MustCompile(`^SIG[A-Z0-9]+$`)) {
		mentions(t, section(t, page, ".Ss Signals"), "signal "+signal, `\b`+signal+`\b`)
	}
	statuses := exitStatuses(t, "exit.go", "status.go")
	if len(statuses) < 10 {
		t.Errorf("found %d exit statuses: these are not all", len(statuses))
	}
	for name, value := range statuses {
		mentions(t, section(t, page, ".Sh EXIT STATUS"), "exit status "+name, `\b`+value+`\b`)
	}
}

func flagsInManual(t *testing.T, page string, verb *cobra.Command) {
	verb.Flags().VisitAll(func(f *pflag.Flag) {
		if f.Name != "help" {
			mentions(t, page, "flag --"+f.Name+" of "+verb.Name(), `(Fl|,) -`+regexp.QuoteMeta(f.Name)+`\b`)
		}
	})
}

func mentions(t *testing.T, text, what, pattern string) {
	t.Helper()
	if !regexp.MustCompile(pattern).MatchString(text) {
		t.Errorf("echod(8) is silent about %s", what)
	}
}

// section returns what stands between a heading and the next one of its kind or a higher one.
func section(t *testing.T, page, heading string) string {
	t.Helper()
	_, rest, found := strings.Cut(page, "\n"+heading+"\n")
	if !found {
		t.Fatalf("echod(8) has no %q", heading)
	}
	rest, _, _ = strings.Cut(rest, "\n.Sh ")
	if strings.HasPrefix(heading, ".Ss") {
		rest, _, _ = strings.Cut(rest, "\n.Ss ")
	}
	return rest
}

// constants returns the names of package syscall in a source file that match.
func constants(t *testing.T, file string, name *regexp.Regexp) []string {
	t.Helper()
	var found []string
	ast.Inspect(parse(t, file), func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok && name.MatchString(s.Sel.Name) {
			found = append(found, s.Sel.Name)
		}
		return true
	})
	if len(found) == 0 {
		t.Fatalf("%s has no constant %v", file, name)
	}
	return found
}

// exitStatuses returns the constants exit… and status…, with their values.
func exitStatuses(t *testing.T, files ...string) map[string]string {
	t.Helper()
	statuses := make(map[string]string)
	for _, file := range files {
		ast.Inspect(parse(t, file), func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok || len(spec.Values) != len(spec.Names) {
				return true
			}
			for i, name := range spec.Names {
				value, ok := spec.Values[i].(*ast.BasicLit)
				if ok && value.Kind == token.INT && regexp.MustCompile(`^(exit|status)[A-Z]`).MatchString(name.Name) {
					statuses[name.Name] = value.Value
				}
			}
			return true
		})
	}
	return statuses
}

func parse(t *testing.T, file string) *ast.File {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	return f
}
