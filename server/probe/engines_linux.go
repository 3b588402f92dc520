package probe

// newEngines is an epoll engine for each worker, with its part of the
// connections. What it returns is to be closed, even with an error.
func newEngines(p *plan) ([]engine, error) {
	if p.portable {
		return []engine{newPortable(p)}, nil
	}
	var engines []engine
	for first := range p.Workers {
		e, err := newEpoll(p, first, p.Workers)
		if err != nil {
			return engines, err
		}
		engines = append(engines, e)
	}
	return engines, nil
}
