%% Large binaries: shared by processes, freed when nobody has them, sub-binaries, many at once.
-module(gc_binaries).
-export([main/0]).
main() ->
    S = self(), M0 = erlang:memory(binary), {P, R} = spawn_monitor(fun() -> L = [binary:copy(<<I>>, 1000000) || I <- lists:seq(1, 20)], S ! {subs, [binary:part(B, 10, 5) || B <- L]}, S ! {whole, hd(L)} end), Subs = receive {subs, X} -> X end, W = receive {whole, Y} -> Y end, receive {'DOWN', R, _, P, _} -> ok end,
    A = [byte_size(W), binary:first(W), [binary:first(B) || B <- Subs], lists:usort([binary:referenced_byte_size(B) || B <- Subs])], Copies = [binary:copy(B) || B <- Subs], garbage_collect(), B = [lists:usort([binary:referenced_byte_size(C) || C <- Copies]), Copies =:= Subs],
    Loop = fun L(0, H) -> H; L(N, H) -> T = binary:copy(<<N:32>>, 25000), L(N - 1, (H + erlang:crc32(T)) rem 1000003) end, C = Loop(200, 0), garbage_collect(), D = erlang:memory(binary) - M0 < 60000000, [A, B, C, D].
