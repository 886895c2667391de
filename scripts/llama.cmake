# Read by CMake when pip compiles llama-cpp-python (see the Makefile), which then takes half the time:
# 216 to 232 seconds of processor time, not 421 to 445, with GCC 12 and 0.3.36. What ragqa runs,
# libllama and libggml*, is the same machine code as without this file.

# Leaves out what serves llama.cpp's own programs (arguments, downloads, HTTP): two fifths of the
# time, and no Python module loads it. The package forces the cache entry; this variable hides it.
set(LLAMA_BUILD_COMMON OFF)

# What reads images and sounds is not used here, but stays: pip's cache shares the built package with
# other projects. Its calculations run in libggml, so -O1 will do, in half the time.
function(optimize_mtmd_less)
  if(TARGET mtmd AND NOT MSVC)
    target_compile_options(mtmd PRIVATE -O1)
  endif()
endfunction()
cmake_language(DEFER CALL optimize_mtmd_less)
