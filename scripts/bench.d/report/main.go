// Report turns the runs of scripts/bench into what people read: ratios with
// their spread, whether the goals are met, and a chart.
//
//	report [-meta KEY=VALUE]... DIRECTORY <RUNS
//
// RUNS has a JSON object a line, one for each run. What is written to
// DIRECTORY is benchmarks.md, benchmarks.json and benchmarks.svg; the tables
// go to standard output, too.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

func main() {
	if err := report(os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintf(os.Stderr, "report: %v\n", err)
		os.Exit(1)
	}
}

// A fact is something about the machine or the run, to be printed as it is.
type fact struct{ Key, Value string }

func report(args []string, in io.Reader, out io.Writer) error {
	var facts []fact
	flags := flag.NewFlagSet("report", flag.ContinueOnError)
	flags.Func("meta", "`KEY=VALUE` to be printed with the results", func(text string) error {
		key, value, found := strings.Cut(text, "=")
		if !found {
			return fmt.Errorf("want KEY=VALUE")
		}
		facts = append(facts, fact{key, value})
		return nil
	})
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() != 1 {
		return fmt.Errorf("want one DIRECTORY, got %d arguments", flags.NArg())
	}
	dir := flags.Arg(0)

	runs, err := readRuns(in)
	if err != nil {
		return err
	}
	facts = append(facts, disturbance(runs)...)
	results := evaluate(runs)
	verdicts := judge(results)
	if err := writeTables(out, results, verdicts, plain); err != nil {
		return err
	}
	for _, f := range facts {
		fmt.Fprintf(out, "%s: %s\n", f.Key, f.Value)
	}
	chart := filepath.Join(dir, "benchmarks.svg")
	drawn, err := drawChart(chart, results)
	if err != nil {
		return err
	}
	if err := writeDocument(filepath.Join(dir, "benchmarks.md"), facts, results, verdicts, drawn); err != nil {
		return err
	}
	return writeJSON(filepath.Join(dir, "benchmarks.json"), facts, results, verdicts, runs)
}

// disturbance says how busy the machine was with other things, by which the
// figures are to be judged.
func disturbance(runs []run) []fact {
	var shares []float64
	for _, r := range runs {
		if percent, ok := r.otherShare(); ok {
			shares = append(shares, max(percent, 0.1)) // spreadOf leaves out zeros
		}
	}
	s := spreadOf(shares)
	if s.N == 0 {
		return nil
	}
	return []fact{{"processors' time that went to neither server nor load", fmt.Sprintf("%.0f %% (%.0f–%.0f)", s.Median, s.Min, s.Max)}}
}

// writeJSON writes everything there is, the single runs included.
func writeJSON(path string, facts []fact, results []result, verdicts []verdict, runs []run) error {
	about := make(map[string]string)
	for _, f := range facts {
		about[f.Key] = f.Value
	}
	data, err := json.MarshalIndent(map[string]any{
		"about": about, "results": results, "goals": verdicts, "runs": runs,
	}, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(data, '\n'), 0o644)
}
