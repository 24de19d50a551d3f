%% A ring of processes, a pipeline, a parallel map, a pool, a barrier.
-module(proc_ring).
-export([main/0]).
ring(N) -> S = self(), L = lists:foldl(fun(_, Nx) -> spawn(fun() -> rl(Nx) end) end, S, lists:seq(1, N)), L ! {t, 0}, receive {t, C} -> L ! stop, receive stop -> C end end.
rl(N) -> receive {t, C} -> N ! {t, C + 1}, rl(N); stop -> N ! stop end.
pmap(F, L) -> S = self(), [receive {P, R} -> R end || P <- [spawn(fun() -> S ! {self(), F(X)} end) || X <- L]].
pipe(Fs) -> S = self(), lists:foldr(fun(F, Nx) -> spawn(fun() -> pl(F, Nx) end) end, S, Fs).
pl(F, N) -> receive eof -> N ! eof; X -> N ! F(X), pl(F, N) end.
coll() -> receive eof -> []; X -> [X | coll()] end.
pool(N, Jobs) -> S = self(), D = spawn(fun() -> dl(Jobs) end), [spawn(fun() -> wl(S, D) end) || _ <- lists:seq(1, N)], lists:sort([receive {res, R} -> R end || _ <- Jobs]).
dl([]) -> receive {job, W} -> W ! none, dl([]) after 200 -> ok end; dl([J | R]) -> receive {job, W} -> W ! {do, J}, dl(R) end.
wl(S, D) -> D ! {job, self()}, receive {do, J} -> S ! {res, J * J}, wl(S, D); none -> ok end.
main() -> P = pipe([fun(X) -> X + 1 end, fun(X) -> X * 2 end, fun integer_to_list/1]), [P ! I || I <- [1, 2, 3]], P ! eof, [ring(1000), pmap(fun(X) -> X * X end, lists:seq(1, 50)), coll(), pool(4, lists:seq(1, 30)), pmap(fun(N) -> ring(N) end, [10, 20, 30])].
