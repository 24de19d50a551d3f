%% Races between processes: links both ways at once, exit signals in order, monitors of the dying, suspension, ten thousand ends at once.
-module(proc_races).
-export([main/0]).
main() ->
  [ring(), links(300), mons(2000), churn(2000), exits(300), names(300), susp(100), big(), timers(500),
   process_info(self(), [monitors, monitored_by, message_queue_len])].
ring() ->
  Me = self(),
  Last = lists:foldl(fun(_, Next) -> spawn_link(fun() -> rloop(Next) end) end, Me, lists:seq(1, 200)),
  Last ! {tok, 20}, r0(Last, 20), ok.
r0(Last, _) -> receive {tok, 0} -> unlink(Last), exit(Last, kill); {tok, K} -> Last ! {tok, K-1}, r0(Last, K) end.
rloop(Next) -> receive M -> Next ! M, rloop(Next) end.
links(0) -> ok;
links(N) ->
  process_flag(trap_exit, true),
  A = spawn(fun() -> receive {l, B} -> link(B), receive X -> exit(X) end end end),
  B = spawn_link(fun() -> receive {l, C} -> link(C), unlink(C), link(C), receive X -> exit(X) end end end),
  B ! {l, A}, w(fun() -> {links, L} = process_info(B, links), lists:member(A, L) end), A ! {l, B}, 
  case N rem 3 of 0 -> exit(A, foo); 1 -> A ! foo; 2 -> B ! foo end,
  receive {'EXIT', B, foo} -> ok after 5000 -> error({lost, N, process_info(A), process_info(B)}) end,
  case is_process_alive(A) of true -> R = monitor(process, A), receive {'DOWN', R, _, _, _} -> ok end; false -> ok end,
  process_flag(trap_exit, false),
  links(N-1).
mons(0) -> ok;
mons(N) ->
  P = spawn(fun() -> ok end),
  R = monitor(process, P),
  receive {'DOWN', R, process, P, X} when X =:= normal; X =:= noproc -> ok end,
  R2 = monitor(process, P), demonitor(R2, [flush]),
  receive {'DOWN', R2, _, _, _} -> error(bad) after 0 -> ok end,
  mons(N-1).
churn(N) ->
  Me = self(),
  Ps = [spawn(fun() -> Me ! {I, self()}, receive go -> ok end, Me ! {fin, I} end) || I <- lists:seq(1, N)],
  [receive {I, _} -> ok end || I <- lists:seq(1, N)],
  [P ! go || P <- Ps],
  [receive {fin, I} -> ok end || I <- lists:seq(1, N)], ok.
exits(0) -> ok;
exits(N) ->
  Me = self(),
  {P, R} = spawn_monitor(fun() -> process_flag(trap_exit, true), Me ! up, (fun F() -> receive {'EXIT', _, a} -> F(); {'EXIT', _, b} -> exit(done) end end)() end),
  receive up -> ok end,
  spawn(fun() -> [exit(P, a) || _ <- [1,2,3]], exit(P, b) end),
  receive {'DOWN', R, process, P, done} -> ok end,
  Q = spawn(fun() -> receive after infinity -> ok end end), exit(Q, kill), false = is_process_alive(Q), undefined = process_info(Q, status),
  exits(N-1).
names(0) -> ok;
names(N) ->
  P = spawn(fun() -> register(nm, self()), receive stop -> ok end end),
  w(fun() -> whereis(nm) =:= P end),
  R = monitor(process, nm), nm ! stop,
  receive {'DOWN', R, process, {nm, _}, normal} -> ok end,
  undefined = whereis(nm),
  names(N-1).
w(F) -> case F() of true -> ok; false -> erlang:yield(), w(F) end.
susp(0) -> ok;
susp(N) ->
  Me = self(),
  P = spawn(fun F() -> receive X -> Me ! {got, X}, F() end end),
  erlang:suspend_process(P), P ! N,
  {status, suspended} = process_info(P, status), {message_queue_len, 1} = process_info(P, message_queue_len),
  receive {got, _} -> error(badsusp) after 0 -> ok end,
  erlang:resume_process(P), receive {got, N} -> ok end, exit(P, kill), susp(N-1).
big() ->
  process_flag(trap_exit, true),
  Me = self(),
  Hub = spawn(fun() -> Ps = [spawn_link(fun() -> receive after infinity -> ok end end) || _ <- lists:seq(1, 10000)], Me ! {ps, Ps}, receive X -> exit(X) end end),
  Ps = receive {ps, L} -> L end,
  Rs = [monitor(process, P) || P <- Ps],
  Hub ! {boom, lists:seq(1, 10)},
  [receive {'DOWN', R, _, _, {boom, _}} -> ok end || R <- Rs],
  process_flag(trap_exit, false).
timers(N) ->
  Rs = [erlang:start_timer(I rem 20, self(), I) || I <- lists:seq(1, N)],
  [receive {timeout, R, _} -> ok end || R <- Rs],
  X = erlang:send_after(100000, self(), no), Left = erlang:cancel_timer(X), true = is_integer(Left), false = erlang:cancel_timer(X).
