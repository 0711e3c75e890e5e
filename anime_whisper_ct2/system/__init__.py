"""What Windows, Linux and macOS do differently, and no other room has to know.

    files       what another program may hold open: renamed, removed and moved with patience
    swapping    a folder that takes its place whole or not at all
    appending   files of lines, each whole or absent
    locks       a file that a process holds for as long as it lives
    refusals    what the system refused, and the words that tell a user what to do
    paths       what is absolute, what can be no name, which names are one
    waiting     waits that let a signal in
    signals     what asks a program to end, a closed console among it
    processes   children without a console of their own, what they died of, how much memory they may take
    pipes       a pipe whose reader has gone
    shared      memory that children write into
    openmp      two libraries that each bring an OpenMP run-time
    commands    a command to copy, quoted for the shells of the system

Standard library only.

May import: nothing.
"""
