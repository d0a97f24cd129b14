export const help = `capsule: persistent, process-isolated sessions that run JavaScript and TypeScript cells

Usage
  capsule [repl] [options]        a REPL, in a terminal
  capsule run FILE... [options]   run the cells of files in one session, in order
  capsule worker-host [options]   serves executions of a durable engine
  capsule example [NAME]          list the example programs, or run one
  capsule help | --help           this text
  capsule --version

Files
  .ts .tsx .js .mjs .cjs .jsx     cells are split by lines that start with // %%; without one the file is one cell
  .md .markdown                   the fenced blocks marked js, jsx, ts or tsx (and their long names) are the cells
  -                               standard input, as a .js or .ts file (the language is detected)

Options
  --timeout MS                    time limit of each cell
  --executor threaded|async       what runs the cells (default: each cell's mode decides)
  --isolation LEVEL               auto, none, process, permission or os (default: process)
  --cwd DIR                       the session's working directory (default: this one; not with permission and os)
Options of run
  --json                          one JSON object a line: every event, each cell's outcome, a summary last
  --keep-going                    go on after a cell that failed
  -q, --quiet                     print only what cells print: no values, no [markdown] cells

Options of worker-host (the token of the engine: CAPSULE_ENGINE_TOKEN)
  --engine restate|resonate       default restate
  --url URL  --admin-url URL      where it is (default: this machine)
  --group NAME  --name NAME       what it serves, and how its own name begins (default: default, this machine's)
  --capacity N                    executions at a time (default: processors)
  --isolation LEVEL               as above (default: auto)
  --drain MS                      on SIGTERM: how long what runs may take (default: 10000)
  --sessions N --session-idle MS  sessions kept by name, at least the capacity, and for how long unused (default: 100, 1800000)
  --group-port N --group-url URL --bind IP --advertise HOST --identity-key KEY
                                  with restate: where the server reaches this host, and whose requests it takes
Exit codes of run
  0 ok   1 error in a cell   2 wrong usage   70 worker crashed   124 timed out   130 cancelled (Ctrl-C)
`

/** What someone sees who pipes into `capsule` and gave no command. */
export const noTerminal = `capsule: the REPL needs a terminal, and standard input or output is not one.
To run code from standard input:  capsule run -
To run files of cells:            capsule run FILE...
All commands:                     capsule help
`
