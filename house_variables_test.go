package echod_test

import (
	"go/ast"
	"go/token"
	"iter"
	"slices"
)

const variableRule = "state belongs in a struct; a package variable is blank, or what nothing writes to: " +
	"an error by errors.New or fmt.Errorf, or unexported and an array, slice or map literal"

// packageVariables lets a package have variables that never vary: interface
// assertions, sentinels, and the tables that Go has no constants for.
//
// It goes by names, without types. A table that a called function writes to is not
// seen, and a local variable that is assigned to may not have the name of one of the
// package's.
func packageVariables(h *house) []string {
	var found []string
	constant := make(map[variable]bool)
	for _, f := range h.files {
		for name, value := range variables(f.syntax) {
			switch {
			case name.Name == "_":
			case isSentinel(value), isTable(value) && !name.IsExported():
				constant[variable{f.folder, name.Name}] = true
			default:
				found = append(found, h.at(name)+"var "+name.Name+": "+variableRule)
			}
		}
	}
	for _, f := range h.files {
		ast.Inspect(f.syntax, func(n ast.Node) bool {
			for _, e := range written(n) {
				if name := root(e); name != nil && constant[variable{f.folder, name.Name}] {
					found = append(found, h.at(name)+"writes to "+name.Name+": "+variableRule)
				}
			}
			return true
		})
	}
	return found
}

// A variable is a package variable by its folder and name.
type variable struct{ folder, name string }

// variables yields the package variables of a file, each with its value, nil if it
// has none of its own.
func variables(syntax *ast.File) iter.Seq2[*ast.Ident, ast.Expr] {
	return func(yield func(*ast.Ident, ast.Expr) bool) {
		for _, d := range syntax.Decls {
			decl, ok := d.(*ast.GenDecl)
			if !ok || decl.Tok != token.VAR {
				continue
			}
			for _, s := range decl.Specs {
				spec := s.(*ast.ValueSpec) // var declares nothing else
				for i, name := range spec.Names {
					var value ast.Expr
					if i < len(spec.Values) {
						value = spec.Values[i]
					}
					if !yield(name, value) {
						return
					}
				}
			}
		}
	}
}

func isSentinel(value ast.Expr) bool {
	call, ok := value.(*ast.CallExpr)
	if !ok {
		return false
	}
	fn, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	pkg, ok := fn.X.(*ast.Ident)
	return ok && slices.Contains([]string{"errors.New", "fmt.Errorf"}, pkg.Name+"."+fn.Sel.Name)
}

func isTable(value ast.Expr) bool {
	lit, ok := value.(*ast.CompositeLit)
	if !ok {
		return false
	}
	switch lit.Type.(type) {
	case *ast.ArrayType, *ast.MapType:
		return true
	}
	return false
}

// written returns what a node assigns to, or lets others assign to.
func written(n ast.Node) []ast.Expr {
	switch n := n.(type) {
	case *ast.AssignStmt:
		if n.Tok != token.DEFINE {
			return n.Lhs
		}
	case *ast.IncDecStmt:
		return []ast.Expr{n.X}
	case *ast.RangeStmt:
		if n.Tok == token.ASSIGN {
			return []ast.Expr{n.Key, n.Value}
		}
	case *ast.UnaryExpr:
		if n.Op == token.AND {
			return []ast.Expr{n.X}
		}
	case *ast.CallExpr:
		if fn, ok := n.Fun.(*ast.Ident); ok && len(n.Args) > 0 {
			switch fn.Name {
			case "clear", "copy", "delete":
				return n.Args[:1]
			}
		}
	}
	return nil
}

// root returns the variable that an expression is a part of: x of x.f[i].
func root(e ast.Expr) *ast.Ident {
	for {
		switch x := e.(type) {
		case *ast.Ident:
			return x
		case *ast.IndexExpr:
			e = x.X
		case *ast.SelectorExpr:
			e = x.X
		case *ast.SliceExpr:
			e = x.X
		case *ast.ParenExpr:
			e = x.X
		case *ast.StarExpr:
			e = x.X
		default:
			return nil
		}
	}
}
