%% What cases of OTP's tools share: a folder of their own, their output kept from the terminal, programs compiled there.
-module(tool_bench).
-export([in_folder/2, quietly/1, output/1, write/3, compile/4, words/1]).

%% Calls F with a fresh folder, which is the current one meanwhile.
in_folder(Name, F) ->
    Dir = filename:join(filename:basedir(user_cache, "ferrobeam-tools"), Name ++ "-" ++ os:getpid()),
    _ = file:del_dir_r(Dir),
    ok = filelib:ensure_dir(filename:join(Dir, "x")),
    {ok, Before} = file:get_cwd(),
    ok = file:set_cwd(Dir),
    try F(Dir) after file:set_cwd(Before), file:del_dir_r(Dir) end.

%% What F answers; what it prints is dropped.
quietly(F) -> element(1, printing(F)).

%% What F prints.
output(F) -> element(2, printing(F)).

printing(F) ->
    Leader = group_leader(),
    Keeper = spawn(fun() -> keep([]) end),
    group_leader(Keeper, self()),
    try
        R = F(),
        Keeper ! {self(), done},
        receive {Keeper, Text} -> {R, Text} end
    after
        group_leader(Leader, self())
    end.

keep(Text) ->
    receive
        {io_request, From, As, Request} ->
            {Reply, More} = request(Request),
            From ! {io_reply, As, Reply},
            keep([Text | More]);
        {From, done} -> From ! {self(), unicode:characters_to_list(Text)}
    end.

request({put_chars, _, M, F, A}) -> {ok, apply(M, F, A)};
request({put_chars, _, Chars}) -> {ok, Chars};
request({requests, Rs}) -> {ok, [element(2, request(R)) || R <- Rs]};
request({get_geometry, _}) -> {{error, enotsup}, []};
request(getopts) -> {[{encoding, unicode}], []};
request(_) -> {{error, request}, []}.

write(Dir, Name, Lines) ->
    File = filename:join(Dir, Name),
    ok = filelib:ensure_dir(File),
    ok = file:write_file(File, unicode:characters_to_binary(lists:join($\n, Lines ++ [""]))),
    File.

%% A module, compiled with debug information, beside its source, and loaded.
compile(Dir, Module, Lines, Options) ->
    File = write(Dir, atom_to_list(Module) ++ ".erl", Lines),
    {ok, Module} = compile:file(File, [debug_info, {outdir, Dir} | Options]),
    Beam = filename:join(Dir, atom_to_list(Module)),
    {module, Module} = code:load_abs(Beam),
    Beam ++ ".beam".

%% The lines of a text, in words.
words(Text) -> [string:lexemes(L, " \t") || L <- string:split(Text, "\n", all), L =/= []].
