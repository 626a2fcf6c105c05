package main

import (
	"bytes"
	"fmt"
	"image/color"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// Sizes of a chart.
const (
	width, height = 760, 380
	plotWidth     = width - 80 // without the axis of values
	groupShare    = 0.84       // of a group's room that its bars take
)

// svg draws the chart. The same chart is the same file.
func (c chart) svg() ([]byte, error) {
	p := plot.New()
	for _, style := range []*text.Style{
		&p.Title.TextStyle, &p.Legend.TextStyle, &p.X.Label.TextStyle, &p.Y.Label.TextStyle, &p.X.Tick.Label, &p.Y.Tick.Label,
	} {
		style.Font.Variant = "Sans"
	}
	p.Title.Text = c.Title
	p.Title.Padding, p.Legend.Padding = vg.Points(8), vg.Points(3)
	fill := c.distributions
	if len(c.Bars) > 0 {
		fill = c.comparison
	}
	if err := fill(p); err != nil {
		return nil, err
	}
	canvas := vgsvg.NewWith(vgsvg.UseWH(width, height))
	p.Draw(draw.New(canvas))
	var out bytes.Buffer
	if _, err := canvas.WriteTo(&out); err != nil {
		return nil, err
	}
	// Who has not the library's font has one that is as wide.
	return bytes.ReplaceAll(out.Bytes(), []byte("font-family:Liberation Sans;"), []byte("font-family:Liberation Sans,Arial,Helvetica,sans-serif;")), nil
}

// distributions has a curve for each name: the share of the packets that were sent, in %, that came back and took no longer. It ends below
// 100 where some were lost.
func (c chart) distributions(p *plot.Plot) error {
	var all []float64
	for _, line := range c.Curves {
		all = append(all, line.Values...)
	}
	on := newScale(c.Log, all)
	p.X.Label.Text, p.Y.Label.Text = c.Value, "% of packets sent"
	p.X.Tick.Marker = on
	p.Y.Min, p.Y.Max = 0, 100
	p.Add(plotter.NewGrid())
	for _, line := range c.Curves {
		drawn, err := plotter.NewLine(line.points(on))
		if err != nil {
			return err
		}
		if drawn.Color, err = colour(line.Colour); err != nil {
			return err
		}
		drawn.Width = vg.Points(2)
		p.Add(drawn)
		p.Legend.Add(line.Name, drawn)
	}
	p.Legend.Top, p.Legend.Left = true, true
	p.Legend.XOffs, p.Legend.YOffs = vg.Points(8), vg.Points(-4)
	return nil
}

// points of a curve, up to the share that came back.
func (c curve) points(on scale) plotter.XYs {
	points := make(plotter.XYs, len(c.Values))
	for i, v := range c.Values {
		points[i] = plotter.XY{X: on.at(v), Y: float64(i+1) * (1 - c.Lost/100)}
	}
	return points
}

// comparison has groups of bars, with their values above them, and lines from the least to the most.
func (c chart) comparison(p *plot.Plot) error {
	var all []float64
	for _, b := range c.Bars {
		for _, v := range b.Bars {
			all = append(all, v.Median, v.Least, v.Most)
		}
	}
	on := newScale(c.Log, all)
	p.Y.Label.Text = c.Value
	p.Y.Tick.Marker = on
	p.NominalX(c.Groups...)
	grid := plotter.NewGrid()
	grid.Vertical.Color = nil
	p.Add(grid)
	step := groupShare / float64(len(c.Bars))
	for n, b := range c.Bars {
		if err := c.add(p, b, on, (float64(n)+0.5)*step-groupShare/2, step); err != nil {
			return err
		}
	}
	p.X.Min, p.X.Max = -0.5, float64(len(c.Groups))-0.5
	p.Y.Min = min(0, 1.3*p.Y.Min) // bars stand on 0, or hang from it
	p.Y.Max *= 1.3                // room for values and the legend
	p.Legend.Top = true
	return nil
}

// spread is what error bars are drawn of.
type spread struct {
	plotter.XYs
	plotter.YErrors
}

// add draws the bars of one name, each from the middle of its group by offset, step wide.
func (c chart) add(p *plot.Plot, b bars, on scale, offset, step float64) error {
	heights := make(plotter.Values, len(c.Groups))
	var ranges spread
	labels := plotter.XYLabels{}
	for _, v := range b.Bars {
		if v.Group < 0 || v.Group >= len(heights) {
			return fmt.Errorf("%s has a bar in group %d of %d", b.Name, v.Group, len(heights))
		}
		at := on.at(v.Median)
		heights[v.Group] = at
		top := plotter.XY{X: float64(v.Group) + offset, Y: at}
		ranges.XYs = append(ranges.XYs, top)
		ranges.YErrors = append(ranges.YErrors, struct{ Low, High float64 }{at - on.at(v.Least), on.at(v.Most) - at})
		labels.XYs = append(labels.XYs, plotter.XY{X: top.X, Y: on.at(v.Most)})
		labels.Labels = append(labels.Labels, short(v.Median))
	}
	drawn, err := plotter.NewBarChart(heights, vg.Points(plotWidth*step*0.92/float64(len(c.Groups))))
	if err != nil {
		return err
	}
	if drawn.Color, err = colour(b.Colour); err != nil {
		return err
	}
	drawn.Width, drawn.LineStyle.Width, drawn.XMin = max(drawn.Width, 1), 0, offset
	lines, err := plotter.NewYErrorBars(ranges)
	if err != nil {
		return err
	}
	values, err := plotter.NewLabels(labels)
	if err != nil {
		return err
	}
	for i := range values.TextStyle {
		values.TextStyle[i].Font.Variant, values.TextStyle[i].Font.Size = "Sans", 8
		values.TextStyle[i].XAlign = draw.XCenter
	}
	values.Offset.Y = vg.Points(3)
	p.Add(drawn, lines, values)
	p.Legend.Add(b.Name, drawn)
	return nil
}

// colour reads #rrggbb.
func colour(text string) (c color.RGBA, err error) {
	c.A = 255
	if _, err := fmt.Sscanf(text, "#%02x%02x%02x", &c.R, &c.G, &c.B); err != nil {
		return c, fmt.Errorf("read colour %q: %w", text, err)
	}
	return c, nil
}
