"""Questions for choosing between trainings: phrasings that training does not have, other than those of heldout.py."""

ASK = {
    "count all": (["So how many shapes have we got?"], ["图形到底有多少？"]),
    "count shape": (["And how many {many} would that be?"], ["里面{many}的数目是？"]),
    "count colour": (["How many have {colour} as their colour?"], ["颜色是{colour}的有多少个？"]),
    "exists": (["Could there be {a_thing}?"], ["是不是有{thing}？"]),
    "colour": (["Which colour would the {shape} be?"], ["那{shape}呢，什么色？"]),
    "shape": (["What form is the {colour} one?"], ["{colour}的长什么样？"]),
    "position": (["Whereabouts is the {thing}?"], ["{thing}处在什么位置？"]),
    "box": (["Circle the {thing} for me."], ["帮我框一下{thing}"]),
    "describe": (["What's going on here?", "Your description please", "what is that"], ["画面里是啥？", "说一下这个图片", "看图说话"]),
    "read": (["What text is on it?", "can you read this"], ["读读这个字", "写着什么字呢？"]),
    "read number": (["Say the number."], ["数字读出来"]),
    "highest bar": (["Where is the maximum?"], ["最大值是哪个？"]),
    "lowest bar": (["Where is the minimum?"], ["最小值是哪个？"]),
    "bar value": (["How high is {label}?"], ["{label}等于多少？"]),
    "largest slice": (["What takes the most room?"], ["占最大的是什么色？"]),
    "trend": (["Which way does it go?"], ["线的走势如何？"]),
    "screen page": (["This is which page?"], ["目前在哪一页？"]),
}
GENERAL = {
    "hello": (["Hey there, friend", "What do you do?"], ["哈啰", "你是做什么的？"]),
    "thanks": (["thanks so much"], ["谢谢您啦"]),
    "sure": (["I doubt it"], ["我不太相信"]),
}
NO_PICTURE = (["What is shown in my picture?", "How many stars are in it?"], ["我的图里是什么？", "里面有几个星形？"])
NTH = (["The {nth} picture again: {q}"], ["{nth}张图再问一下：{q}"])
STRANGE = (
    ["Who discovered America?", "How deep is the Pacific?", "Write a short song about rain", "What is 12 divided by 4?", "How do I fix a flat tyre?", "Is the earth flat?", "Which phone should I buy?",
     "Is this woman a singer?", "What species is that bird?", "Where does my uncle live?", "Tell me the rules of poker", "flim flam zork", "When is Easter?", "Do fish sleep?", "Give me tips for sleeping better"],
    ["谁发现了美洲？", "太平洋有多深？", "写一首关于下雨的歌", "12除以4等于几？", "轮胎破了怎么修？", "地球是平的吗？", "我该买哪款手机？",
     "这位女士是歌手吗？", "那只鸟是什么种类？", "我叔叔住在哪里？", "讲讲扑克的规则", "叽里咕噜哇啦", "复活节是哪天？", "鱼会睡觉吗？", "怎么才能睡得更好？"],
)
