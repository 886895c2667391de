# Read by CMake when pip compiles llama-cpp-python (the Makefile says so): 216 instead of 445 seconds
# of processor time (GCC 12, llama-cpp-python 0.3.36, on a busy machine), and the libraries that ragqa
# runs, libllama and libggml*, are the same machine code as without this file.

# What serves llama.cpp's own programs (arguments, downloads, an HTTP library): 44 % of the time, and
# no Python module loads it. The package forces the cache entry of this name; a variable comes first.
set(LLAMA_BUILD_COMMON OFF)

# What reads images and sounds stays, since pip's cache shares the built package with other projects,
# but ragqa never loads it: as part of models it is not hot, and -O1 compiles it in half the time.
function(optimize_mtmd_less)
  if(TARGET mtmd AND NOT MSVC)
    target_compile_options(mtmd PRIVATE -O1)
  endif()
endfunction()
cmake_language(DEFER CALL optimize_mtmd_less)
