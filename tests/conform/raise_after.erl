%% A trace that the program supplies keeps the class through `after`.
-module(raise_after).
-export([main/0]).
main() ->
    A = try a(exit, normal, []) catch C:R:S -> {C,R,S} end,
    B = try a(throw, normal, [{m,f,2,[]}]) catch C1:R1:S1 -> {C1,R1,S1} end,
    D = try try erlang:raise(exit,x,[{m,f,[1],[]}]) catch error:y -> ok end catch C2:R2:S2 -> {C2,R2,S2} end,
    E = (catch a(error,e,[{k,l,3,[]}])),
    [A,B,D,E].
a(C,R,S) ->
  try erlang:raise(C,R,S) after put(a,b) end.
