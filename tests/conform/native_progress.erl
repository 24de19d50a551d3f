%% Native functions that give way get on, however short a slice is.
-module(native_progress).
-export([main/0]).
main() ->
  [{N, byte_size(binary:copy(<<7>>, N))} || N <- [10,100,100000]] ++
  [length(element(2, re:run(binary:copy(<<"ab,">>, 200), P, [global]))) || P <- ["b", "x*", "x*?", ",|", "a*?"]].
