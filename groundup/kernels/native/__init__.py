"""One step of writing in C++, compiled for the processor it runs on: `decode.cpp` is its text, `build.py` its way here."""
