package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Two rounds of two servers, and one that failed.
const someRuns = `
{"item":"pingpong-64","server":"echod","round":1,"cpu_ticks":100,"ticks_per_second":100,"start_kb":4096,"peak_kb":8192,"machine_ticks":400,"other_ticks":40,"load":{"messages_per_second":100000,"total_messages":200000,"failures":{},"latency_seconds":{"p99":0.001}}}
{"item":"pingpong-64","server":"epoll","round":1,"cpu_ticks":80,"ticks_per_second":100,"start_kb":1024,"peak_kb":1024,"load":{"messages_per_second":80000,"total_messages":160000,"failures":{},"latency_seconds":{"p99":0.002}}}
{"item":"pingpong-64","server":"epoll","round":2,"cpu_ticks":80,"ticks_per_second":100,"start_kb":1024,"peak_kb":1024,"load":{"messages_per_second":200000,"total_messages":160000,"failures":{"timeout":3,"reset":1}}}
{"item":"pingpong-64","server":"echod","round":2,"cpu_ticks":100,"ticks_per_second":100,"start_kb":4096,"peak_kb":8192,"load":{"messages_per_second":150000,"total_messages":200000,"failures":{}}}
{"item":"pingpong-64","server":"gnet","round":1,"error":"no answer"}
{"item":"idle","server":"echod","round":1,"cpu_ticks":1,"ticks_per_second":100,"start_kb":5000,"peak_kb":9000,"held_kb":6000,"load":{"messages_per_second":0,"total_messages":2000,"connected":1024}}
`

func evaluated(t *testing.T) ([]run, []result) {
	t.Helper()
	runs, err := readRuns(strings.NewReader(strings.TrimSpace(someRuns)))
	if err != nil {
		t.Fatal(err)
	}
	return runs, evaluate(runs)
}

// Ratios are made of runs of the same round, and then summed up: 1.25 and 0.75
// here, where the ratio of the medians would be 0.89.
func TestRatiosAreByRound(t *testing.T) {
	_, results := evaluated(t)
	epoll := results[1]
	if got, want := epoll.Ratios[throughput], (spread{Median: 1, Min: 0.75, Max: 1.25, N: 2}); epoll.Server != "epoll" || got != want {
		t.Errorf("%s: %+v, want %+v", epoll.Server, got, want)
	}
	if got := epoll.Ratios[cpu].Median; got != 1 {
		t.Errorf("ratio of processor time %v, want 1: both take 5 µs", got)
	}
	if got := epoll.Figures[failures].Max; got != 4 {
		t.Errorf("%v failures, want 4", got)
	}
	if results[0].Ratios != nil {
		t.Errorf("echod has ratios to itself: %v", results[0].Ratios)
	}
}

func TestIdleMemory(t *testing.T) {
	_, results := evaluated(t)
	idle := results[len(results)-1]
	if got := idle.Figures[bytesPerClient].Median; idle.Item != "idle" || got != 1000 {
		t.Errorf("%s: %v bytes a client, want 1000", idle.Item, got)
	}
}

// A goal is judged by the median; one that nothing was measured for is not there.
func TestJudge(t *testing.T) {
	_, results := evaluated(t)
	got := make(map[string]bool)
	for _, v := range judge(results) {
		got[v.Goal] = v.Met
	}
	want := map[string]bool{
		"pingpong-64: messages/s at least 0.97 × epoll":    true,
		"pingpong-64: CPU µs/message at most 1.08 × epoll": true,
		"idle: bytes/idle client at most 300":              false,
		"idle: MB at start at most 10":                     true,
	}
	if len(got) != len(want) {
		t.Errorf("verdicts %v, want %v", got, want)
	}
	for goal, met := range want {
		if got[goal] != met {
			t.Errorf("%s: met %v, want %v", goal, got[goal], met)
		}
	}
}

// Everything that was measured, and what could not be, is in all that is written.
func TestReport(t *testing.T) {
	dir := t.TempDir()
	var out strings.Builder
	if err := report([]string{"-meta", "date=today", dir}, strings.NewReader(strings.TrimSpace(someRuns)), &out); err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join(dir, "benchmarks.md"))
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"standard output": out.String(), "benchmarks.md": string(page)} {
		for _, want := range []string{"125 000 (100 000–150 000)", "gnet failed in 1 rounds: no answer", "1 000", "MISSED", "10 % (10–10)"} {
			if !strings.Contains(text, want) {
				t.Errorf("%s has no %q:\n%s", name, want, text)
			}
		}
	}
	if !strings.Contains(string(page), "| date | today |") || !strings.Contains(string(page), "(benchmarks.svg)") {
		t.Errorf("page:\n%s", page)
	}
	var all struct {
		About map[string]string
		Runs  []run
	}
	data, err := os.ReadFile(filepath.Join(dir, "benchmarks.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &all); err != nil || all.About["date"] != "today" || len(all.Runs) != 6 {
		t.Errorf("JSON %+v, error %v", all, err)
	}
	if chart, err := os.ReadFile(filepath.Join(dir, "benchmarks.svg")); err != nil || !strings.Contains(string(chart), "<svg") {
		t.Errorf("chart: %v", err)
	}
}

func TestReadRunsRefuses(t *testing.T) {
	for _, text := range []string{"", "{", "{}\nnonsense"} {
		if _, err := readRuns(strings.NewReader(text)); err == nil {
			t.Errorf("runs were read from %q", text)
		}
	}
}

// A goal that compares echod with another server says how the C server compares with that one.
func TestJudgeTellsOfC(t *testing.T) {
	of := func(server string, figure, ratio float64) result {
		return result{
			Item: "pingpong-64", Server: server,
			Figures: map[metric]spread{throughput: spreadOf([]float64{figure})},
			Ratios:  map[metric]spread{throughput: spreadOf([]float64{ratio})},
		}
	}
	verdicts := judge([]result{of("echod", 110, 0), of("epoll", 120, 0.92), of("gonet", 100, 1.1)})
	want := map[string]float64{
		"pingpong-64: messages/s at least 0.97 × epoll": 0,
		"pingpong-64: messages/s at least 1.35 × gonet": 1.2,
	}
	for _, v := range verdicts {
		if c, ok := want[v.Goal]; !ok || c != v.C {
			t.Errorf("%s: the C server has %v, want %v", v.Goal, v.C, c)
		}
	}
	if len(verdicts) != len(want) {
		t.Errorf("%d verdicts, want %d", len(verdicts), len(want))
	}
}
