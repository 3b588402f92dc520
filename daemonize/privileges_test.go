package daemonize

import (
	"os/user"
	"slices"
	"strconv"
	"testing"
)

// A user may be named or numbered, alone or with a group.
func TestLookupIdentity(t *testing.T) {
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	myGroup, err := user.LookupGroupId(me.Gid)
	if err != nil {
		t.Fatal(err)
	}
	ids, err := me.GroupIds()
	if err != nil {
		t.Fatal(err)
	}
	uid, gid := atoi(t, me.Uid), atoi(t, me.Gid)
	var groups []int
	for _, id := range ids {
		groups = append(groups, atoi(t, id))
	}
	with := func(first int) []int {
		return append([]int{first}, slices.DeleteFunc(slices.Clone(groups), func(gid int) bool { return gid == first })...)
	}
	const unused = 7654321
	for spec, want := range map[string]Identity{
		me.Username:                       {me.Username, uid, gid, with(gid)},
		me.Uid:                            {me.Username, uid, gid, with(gid)},
		me.Username + ":" + myGroup.Name:  {me.Username, uid, gid, with(gid)},
		me.Uid + ":" + me.Gid:             {me.Username, uid, gid, with(gid)},
		me.Username + ":7654321":          {me.Username, uid, unused, with(unused)},
		"7654321:" + myGroup.Name:         {"7654321", unused, gid, []int{gid}},
		"7654321:" + strconv.Itoa(unused): {"7654321", unused, unused, []int{unused}},
	} {
		id, err := LookupIdentity(spec)
		if err != nil {
			t.Errorf("%s: %v", spec, err)
			continue
		}
		if id.User != want.User || id.UID != want.UID || id.GID != want.GID || !slices.Equal(id.Groups, want.Groups) {
			t.Errorf("%s: %+v, want %+v", spec, *id, want)
		}
	}
	for spec, want := range map[string]string{
		"":                             `look up user "": want USER or USER:GROUP`,
		":" + myGroup.Name:             `look up user ":` + myGroup.Name + `": want USER or USER:GROUP`,
		me.Username + ":":              `look up user "` + me.Username + `:": want USER or USER:GROUP`,
		"no-such-user":                 "look up user no-such-user: no such user",
		"no-such-user:0":               "look up user no-such-user: no such user",
		"7654321":                      "look up user 7654321: no such user",
		"-1:0":                         "look up user -1: no such user",
		"4294967296:0":                 "look up user 4294967296: no such user",
		me.Username + ":no-such-group": "look up group no-such-group: no such group",
		me.Username + ":-1":            "look up group -1: no such group",
	} {
		if id, err := LookupIdentity(spec); err == nil || err.Error() != want {
			t.Errorf("%q: %+v, %v, want %s", spec, id, err, want)
		}
	}
}

// A daemon that keeps its user and its root directory keeps all else.
func TestDropPrivilegesNothing(t *testing.T) {
	sys := &faulty{system: kernel{}, calls: make(map[string]int)}
	p := &Process{daemon: &Daemon{sys: sys}}
	if err := p.DropPrivileges(); err != nil || len(sys.calls) != 0 {
		t.Errorf("%v, calls %v", err, sys.calls)
	}
}

func atoi(t *testing.T, s string) int {
	t.Helper()
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
