package main

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	_ "modernc.org/sqlite"
)

// idExpression is how FerretDB 1.24 asks for a document by its _id. Its own unique index is on the same value in other
// words (->"_id"), which SQLite does not recognise, so that every look-up reads the whole collection.
const idExpression = `_ferretdb_sjson->'$._id'`

// indexIds gives each collection an index on the expression that the look-ups use. Nothing but speed changes.
func indexIds(ctx context.Context, folder string) {
	opened := map[string]*sql.DB{}
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			for _, db := range opened {
				_ = db.Close()
			}
			return
		case <-ticker.C:
		}
		files, _ := filepath.Glob(filepath.Join(folder, "*.sqlite"))
		for name, db := range opened {
			if _, err := os.Stat(name); err != nil {
				_ = db.Close()
				delete(opened, name)
			}
		}
		for _, name := range files {
			if opened[name] == nil {
				db, err := sql.Open("sqlite", "file:"+name+"?_pragma=busy_timeout(5000)")
				if err != nil {
					continue
				}
				db.SetMaxOpenConns(1)
				opened[name] = db
			}
			// A database that is busy or on its way out is tried again at the next tick.
			_ = indexTables(ctx, opened[name])
		}
	}
}

func indexTables(ctx context.Context, db *sql.DB) error {
	rows, err := db.QueryContext(ctx, `SELECT t.name FROM sqlite_master t WHERE t.type = 'table'
		AND t.sql LIKE '%_ferretdb_sjson%' AND NOT EXISTS (SELECT 1 FROM sqlite_master i
		WHERE i.type = 'index' AND i.tbl_name = t.name AND i.name = 'by_id_' || t.name)`)
	if err != nil {
		return err
	}
	var tables []string
	for rows.Next() {
		var table string
		if err := rows.Scan(&table); err != nil {
			break
		}
		tables = append(tables, table)
	}
	if err := rows.Close(); err != nil {
		return err
	}
	for _, table := range tables {
		quoted := strings.ReplaceAll(table, `"`, `""`)
		create := fmt.Sprintf(`CREATE INDEX IF NOT EXISTS "by_id_%s" ON "%s" (%s)`, quoted, quoted, idExpression)
		if _, err := db.ExecContext(ctx, create); err != nil {
			return err
		}
	}
	return nil
}
