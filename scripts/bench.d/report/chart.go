package main

import (
	"fmt"
	"image/color"
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// drawChart draws echod's throughput divided by that of each peer, with the
// spread of the rounds. It tells whether there was anything to draw.
func drawChart(path string, results []result) (bool, error) {
	peers := []string{"epoll", "gonet", "gonet-copy", "gnet"}
	colors := []color.Color{
		color.RGBA{0x33, 0x66, 0x99, 0xff},
		color.RGBA{0x88, 0xaa, 0x44, 0xff},
		color.RGBA{0xcc, 0x99, 0x33, 0xff},
		color.RGBA{0xaa, 0x55, 0x66, 0xff},
	}
	var loads []string
	for _, r := range results {
		if slices.Contains(peers, r.Server) && r.Ratios[throughput].N > 0 && r.Item != "idle" && !slices.Contains(loads, r.Item) {
			loads = append(loads, r.Item)
		}
	}
	if len(loads) == 0 {
		return false, nil
	}
	p := plot.New()
	p.Title.Text = "Messages per second: echod divided by the other server (more is better)"
	p.Y.Min = 0
	p.NominalX(loads...)
	p.Legend.Top = true
	p.Add(plotter.NewGrid())

	const width = vg.Length(14)
	for i, peer := range peers {
		offset := (vg.Length(i) - vg.Length(len(peers)-1)/2) * width
		if err := addBars(p, results, loads, peer, colors[i], width, offset); err != nil {
			return false, err
		}
	}
	one := plotter.NewFunction(func(float64) float64 { return 1 })
	one.Dashes = []vg.Length{4, 3}
	p.Add(one)
	p.Y.Max *= 1.3                                   // room for the legend
	p.X.Min, p.X.Max = -0.5, float64(len(loads))-0.5 // bars stand beside their place
	if err := p.Save(vg.Length(110*len(loads)+120), 300, path); err != nil {
		return false, fmt.Errorf("write chart: %w", err)
	}
	return true, nil
}

// addBars adds the bars of one peer, each with a line from the least to the most.
func addBars(p *plot.Plot, results []result, loads []string, peer string, c color.Color, width, offset vg.Length) error {
	values := make(plotter.Values, len(loads))
	lines := spreadLines{at: make(map[int]spread), offset: offset}
	for i, item := range loads {
		for _, r := range results {
			if s := r.Ratios[throughput]; r.Item == item && r.Server == peer && s.N > 0 {
				values[i] = s.Median
				lines.at[i] = s
			}
		}
	}
	if len(lines.at) == 0 {
		return nil
	}
	bars, err := plotter.NewBarChart(values, width)
	if err != nil {
		return fmt.Errorf("draw bars of %s: %w", peer, err)
	}
	bars.Color, bars.Offset, bars.LineStyle.Width = c, offset, 0
	p.Add(bars, lines)
	p.Legend.Add(peer, bars)
	return nil
}

// spreadLines draws the spread of figures over bars that stand beside their
// place on the axis; the plotter package's error bars cannot do that.
type spreadLines struct {
	at     map[int]spread
	offset vg.Length
}

func (l spreadLines) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	style := draw.LineStyle{Color: color.Black, Width: 1}
	for i, s := range l.at {
		at := x(float64(i)) + l.offset
		c.StrokeLine2(style, at, y(s.Min), at, y(s.Max))
	}
}

// DataRange makes room for the longest line.
func (l spreadLines) DataRange() (xmin, xmax, ymin, ymax float64) {
	xmin, xmax = math.Inf(1), math.Inf(-1)
	for i, s := range l.at {
		xmin, xmax, ymax = min(xmin, float64(i)), max(xmax, float64(i)), max(ymax, s.Max)
	}
	return xmin, xmax, 0, ymax
}
